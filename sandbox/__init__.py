"""Mock call APIs on localhost, with data that grows and changes, and faults on demand."""

from __future__ import annotations

from .api import Api
from .box import Sandbox
from .faults import Fault, FaultQueue
from .http import LoggedRequest
from .table import Row

__all__ = ["Api", "Fault", "FaultQueue", "LoggedRequest", "Row", "Sandbox"]
