"""Imports go downward only, and private names of the SDK are touched in one module."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tap_callexports
from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

ROOT = Path(tap_callexports.__file__).parent
PACKAGE = ROOT.name
SDK = "singer_sdk"
#: The one module that may touch what the SDK does not promise.
SEAM = f"{PACKAGE}.singer.sdk"
#: The top layer: only these may import the tap or a provider.
TOP = ("__main__", "cli", "tap")
#: What each folder may import of the rest, beside the modules all of them may import.
FOLDERS = {
    "records": (),
    "http": ("records", "cap"),
    "singer": ("records",),
    "progress": ("records", "http.traffic", "windows"),
}
GROUND = ("clock", "compat", "errors", "redaction", "concurrency")
#: How a class speaks of itself and its parents.
OWN = {"self", "cls", "super()"}
MODULES = {
    ".".join((PACKAGE, *file.relative_to(ROOT).with_suffix("").parts)): file
    for file in sorted(ROOT.rglob("*.py"))
}


def imports_of(module: str) -> Iterator[str]:
    """Dotted names a module imports anywhere, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def imports_outside(module: str, *allowed: str) -> list[str]:
    """What a module imports of this package, other than from these."""
    return [
        name
        for name in imports_of(module)
        if inside(name, PACKAGE) and not any(inside(name, package) for package in allowed)
    ]


def test_only_the_top_layer_imports_the_tap_or_a_provider() -> None:
    top = tuple(f"{PACKAGE}.{name}" for name in (*TOP, "providers"))
    rest = [module for module in MODULES if not any(inside(module, name) for name in top)]
    assert len(rest) > len(top)
    upward = {
        module: found
        for module in rest
        if (found := [n for n in imports_of(module) if any(inside(n, name) for name in top)])
    }
    assert upward == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_no_other_than_those_below_it(folder: str) -> None:
    own = [module for module in MODULES if inside(module, f"{PACKAGE}.{folder}")]
    allowed = [f"{PACKAGE}.{name}" for name in (folder, *FOLDERS[folder], *GROUND)]
    assert own
    assert {module: found for module in own if (found := imports_outside(module, *allowed))} == {}


def test_no_two_modules_import_each_other() -> None:
    below = {
        module: {name for found in imports_of(module) for name in MODULES if inside(found, name)}
        - {module}
        for module in MODULES
    }
    while free := [module for module, others in below.items() if not others & below.keys()]:
        for module in free:
            del below[module]
    assert sorted(below) == []


@pytest.mark.parametrize("provider", [provider.name for provider in PROVIDERS])
def test_a_provider_imports_no_other_provider_and_not_the_tap(provider: str) -> None:
    own = [module for module in MODULES if inside(module, f"{PACKAGE}.providers.{provider}")]
    others = [
        f"{PACKAGE}.{name}"
        for name in (*TOP, *(f"providers.{other.name}" for other in PROVIDERS))
        if name != f"providers.{provider}"
    ]
    assert own
    upward = {
        module: found
        for module in own
        if (found := [n for n in imports_of(module) if any(inside(n, name) for name in others)])
    }
    assert upward == {}


def test_every_folder_of_a_provider_is_registered() -> None:
    folders = {path.parent.name for path in (ROOT / "providers").glob("*/__init__.py")}
    assert folders == {provider.name for provider in PROVIDERS}


def test_private_parts_of_the_sdk_are_imported_in_one_module() -> None:
    found = {
        module: names
        for module in MODULES
        if module != SEAM
        and (
            names := [
                name
                for name in imports_of(module)
                if inside(name, SDK) and any(_is_private(part) for part in name.split("."))
            ]
        )
    }
    assert found == {}


def test_private_attributes_of_the_sdk_are_touched_in_one_module() -> None:
    streams = TapCallExports(config={}, validate_config=False).discover_streams()
    classes = {base for kind in (TapCallExports, *map(type, streams)) for base in kind.__mro__}
    theirs: set[str] = set()
    for base in classes:
        if inside(base.__module__, SDK):
            theirs |= _private_names(base)
    assert "_config" in theirs, "the SDK's classes could not be read"
    found = {
        f"{base.__module__}.{base.__name__}": sorted(names)
        for base in classes
        if inside(base.__module__, PACKAGE)
        and base.__module__ != SEAM
        and (names := _private_names(base) & theirs)
    }
    assert found == {}


def _private_names(base: type[Any]) -> set[str]:
    """Private names a class defines, and those it uses on itself or its parents."""
    source = ast.parse(textwrap.dedent(inspect.getsource(base)))
    used = {
        node.attr
        for node in ast.walk(source)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in OWN
    }
    # Python's own bookkeeping of abstract classes is nobody's attribute.
    return {name for name in used | set(vars(base)) if _is_private(name)} - {"_abc_impl"}


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
