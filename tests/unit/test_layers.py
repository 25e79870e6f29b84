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
SDK = "singer_sdk"
#: The one module that may touch what the SDK does not promise.
SEAM = "singer.sdk"
#: The top layer: only these may import the tap or a provider.
TOP = ("__main__", "cli", "tap")
#: What each folder may import of the rest, beside the modules all of them may import.
FOLDERS = {
    "records": (),
    "http": ("records", "cap"),
    "singer": ("records",),
    "progress": ("records", "http.traffic", "windows"),
}
#: The providers that are declared on the API of another one, which they may import.
VARIANT_OF = {"anunzi": "retell"}
GROUND = ("clock", "compat", "errors", "redaction", "concurrency")


def _imports(file: Path) -> Iterator[str]:
    """Dotted names a module imports anywhere, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): file
    for file in sorted(ROOT.rglob("*.py"))
}
#: What each module imports of the package, by their names inside of it.
IMPORTS = {
    module: [
        name.removeprefix(f"{ROOT.name}.")
        for name in _imports(file)
        if name.startswith(f"{ROOT.name}.")
    ]
    for module, file in FILES.items()
}


def inside(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def breaches(importers: list[str], *forbidden: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """What these modules import of forbidden ones."""
    assert importers
    return [
        f"{module} imports {name}"
        for module in importers
        for name in IMPORTS[module]
        if inside(name, *forbidden) and not inside(name, *allowed)
    ]


def modules_in(*packages: str) -> list[str]:
    return [module for module in IMPORTS if inside(module, *packages)]


def test_only_the_top_layer_imports_the_tap_or_a_provider() -> None:
    top = (*TOP, "providers")
    assert breaches([module for module in IMPORTS if not inside(module, *top)], *top) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_no_other_than_those_below_it(folder: str) -> None:
    ours = {module.split(".")[0] for module in IMPORTS}
    allowed = (folder, *FOLDERS[folder], *GROUND)
    assert breaches(modules_in(folder), *ours, allowed=allowed) == []


@pytest.mark.parametrize("provider", [provider.name for provider in PROVIDERS])
def test_a_provider_imports_no_other_provider_and_not_the_tap(provider: str) -> None:
    own = f"providers.{provider}"
    allowed = (provider, VARIANT_OF.get(provider))
    others = [f"providers.{each.name}" for each in PROVIDERS if each.name not in allowed]
    assert breaches(modules_in(own), *TOP, *others) == []


def test_every_folder_of_a_provider_is_registered() -> None:
    folders = {path.parent.name for path in (ROOT / "providers").glob("*/__init__.py")}
    assert folders == {provider.name for provider in PROVIDERS}


def test_the_name_of_a_provider_is_one_word() -> None:
    # The rest of a stream's name follows the first underscore.
    assert [provider.name for provider in PROVIDERS if "_" in provider.name] == []


def test_no_two_modules_import_each_other() -> None:
    below = {
        module: {name for found in imported for name in IMPORTS if inside(found, name)} - {module}
        for module, imported in IMPORTS.items()
    }
    while free := [module for module, others in below.items() if not others & below.keys()]:
        for module in free:
            del below[module]
    assert sorted(below) == []


def test_private_parts_of_the_sdk_are_imported_in_one_module() -> None:
    private = [
        f"{module} imports {name}"
        for module in FILES.keys() - {SEAM}
        for name in _imports(FILES[module])
        if inside(name, SDK) and any(map(_is_private, name.split(".")))
    ]
    assert private == []


def test_private_attributes_of_the_sdk_are_touched_in_one_module() -> None:
    streams = TapCallExports(config={}, validate_config=False).discover_streams()
    classes = {base for kind in (TapCallExports, *map(type, streams)) for base in kind.__mro__}
    theirs = {
        name for base in classes if inside(base.__module__, SDK) for name in _private_names(base)
    }
    assert "_config" in theirs, "the SDK's classes could not be read"
    found = {
        base.__qualname__: sorted(names)
        for base in classes
        if inside(base.__module__, ROOT.name)
        and base.__module__ != f"{ROOT.name}.{SEAM}"
        and (names := _private_names(base) & theirs)
    }
    assert found == {}


def _private_names(base: type[Any]) -> set[str]:
    """Private names a class defines, and those it uses on itself or its parents."""
    used = {
        node.attr
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(base))))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"self", "cls", "super()"}
    }
    # Python's own bookkeeping of abstract classes is nobody's attribute.
    return {name for name in used | set(vars(base)) if _is_private(name)} - {"_abc_impl"}


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
