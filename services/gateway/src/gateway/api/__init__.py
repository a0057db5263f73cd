"""The endpoints under /api/v2, each asking one service and passing its answer on."""

from typing import Any
from uuid import UUID

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from chassis.bus import Bus
from contracts.message import Caller

Asked = Request[Any, Any, Any]
Id = FromPath[UUID]
"""The id in the path; what is no UUID names nothing."""
NodeId = FromPath[str]
"""The id of a node, in the path."""
Who = NamedDependency[SkipValidation[Caller]]
"""The caller whose token the request carries."""
House = NamedDependency[SkipValidation[Bus]]
"""The services, over NATS."""
