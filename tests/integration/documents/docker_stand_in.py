"""What `docker build` and `docker run` would do with docs/Dockerfile, in a folder of this machine.

The folder stands for /project. Lines that need root are left out: a RUN with apt-get, and USER.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

IMAGE = Path(os.environ["STAND_IN_IMAGE"])


def instructions() -> list[tuple[str, str]]:
    """The lines of the Dockerfile, as a word and the rest; continued ones are one."""
    text = (IMAGE / "Dockerfile").read_text("utf-8").replace("\\\n", "")
    text = text.replace("/project", str(IMAGE))
    return [(word, rest) for word, rest in re.findall(r"^([A-Z]+) (.+)$", text, re.MULTILINE)]


def variables() -> dict[str, str]:
    """What ENV lines say, beside what is there anyway."""
    given = [rest.split("=", 1) for word, rest in instructions() if word == "ENV"]
    return {**os.environ, **dict(given)}


def build() -> None:
    """Carry out the lines that make the image; `docker build --tag NAME .`."""
    IMAGE.mkdir()
    shutil.copy("Dockerfile", IMAGE)
    for word, rest in instructions():
        if word == "COPY":
            source, target = rest.split()
            shutil.copy(source, IMAGE / target)
        elif word == "RUN" and "apt-get" not in rest:
            subprocess.run(["sh", "-c", rest], cwd=IMAGE, env=variables(), check=True)


def run(arguments: list[str]) -> int:
    """Start what the image starts; its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rm", action="store_true", required=True)
    parser.add_argument("--env-file", type=Path, required=True)
    parser.add_argument("--volume", required=True)
    parser.add_argument("image")
    options = parser.parse_args(arguments)
    name, place = options.volume.split(":")
    inside = Path(place.replace("/project", str(IMAGE)))
    volume = IMAGE.with_name(f"volume-{name}")
    if not volume.exists():
        inside.rename(volume)  # a new volume gets what the image has there
        inside.symlink_to(volume)
    given = [line.split("=", 1) for line in options.env_file.read_text("utf-8").splitlines()]
    [program] = [json.loads(rest) for word, rest in instructions() if word == "ENTRYPOINT"]
    [words] = [json.loads(rest) for word, rest in instructions() if word == "CMD"]
    env = {**variables(), **dict(given)}
    return subprocess.run([*program, *words], cwd=IMAGE, env=env, check=False).returncode


if __name__ == "__main__":
    if sys.argv[1:] == ["build", "--tag", "calls", "."]:
        build()
    elif sys.argv[1] == "run":
        sys.exit(run(sys.argv[2:]))
    else:
        sys.exit("not known here")
