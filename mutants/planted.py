"""A planted bug: a patch, what it breaks, and the tests that must notice it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "mutants"
_BREAKS, _TESTS, _PATCH = "Breaks:", "Tests:", "--- "


@dataclass(frozen=True)
class Mutant:
    """One patch of the folder.

    Args:
        path: The patch.
        breaks: What a tap with this bug does wrong.
        tests: Arguments of pytest that choose the tests that must go red.
    """

    path: Path
    breaks: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the patch without its suffix."""
        return self.path.stem

    def apply(self, tree: Path, *, check: bool = False) -> bool:
        """Apply the patch to a copy of the tree; False where it does not fit any more.

        Args:
            tree: The copy.
            check: Only look whether it would fit.
        """
        done = subprocess.run(
            ["git", "apply", *(["--check"] if check else []), str(self.path)],
            cwd=tree,
            # A copy below some repository is none of that repository's business.
            env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)},
            capture_output=True,
            check=False,
        )
        return done.returncode == 0


def planted() -> list[Mutant]:
    """Every patch, in the order of names.

    Raises:
        ValueError: A patch does not say what it breaks, or which tests notice.
    """
    return [_read(path) for path in sorted(FOLDER.glob("*.patch"))]


def _read(path: Path) -> Mutant:
    head = path.read_text("utf-8").partition(f"\n{_PATCH}")[0].splitlines()
    breaks = [line.removeprefix(_BREAKS).strip() for line in head if line.startswith(_BREAKS)]
    tests = [line.removeprefix(_TESTS).strip() for line in head if line.startswith(_TESTS)]
    if len(breaks) != 1 or not tests:
        raise ValueError(f"{path.name}: says not what it breaks, or which tests notice")
    return Mutant(path, breaks[0], tuple(shlex.split(" ".join(tests))))


def copy_tree(target: Path) -> None:
    """Copy what belongs to the repository, as it is in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, copy = ROOT / name, target / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
