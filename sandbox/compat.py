"""`override` for Pythons that do not have it yet; the sandbox needs no package to run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

_Method = TypeVar("_Method", bound=Callable[..., Any])

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method: _Method) -> _Method:
        """Mark a method as an override, for type checkers."""
        return method


__all__ = ["override"]
