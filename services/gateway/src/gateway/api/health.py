"""What operators and readers ask of the process: health, metrics, and the description of the interface."""

from importlib.resources import files

from litestar import MediaType, Response, get
from prometheus_client import CONTENT_TYPE_LATEST

from contracts.refusal import Unavailable
from gateway import gathering
from gateway.answers import made, passed
from gateway.api import Asked, House

RETRY_SECONDS = 1.0
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:"
)
"""The page loads nothing from anywhere else."""


@get("/health/live")
async def live() -> Response[bytes]:
    """The process runs."""
    return made({"status": "live"})


@get("/health/ready")
async def ready(bus: House) -> Response[bytes]:
    """Every service that is needed answers; else a 503 that names those which do not."""
    if not bus.connected:
        raise Unavailable("not_ready", "There is no connection to NATS.", retry_after_seconds=RETRY_SECONDS)
    if gone := await gathering.missing(bus):
        raise Unavailable("not_ready", f"Nobody answers for: {', '.join(gone)}.", retry_after_seconds=RETRY_SECONDS)
    return made({"status": "ready", "services": dict.fromkeys(gathering.NEEDED, "ready")})


@get("/metrics")
async def metrics(bus: House) -> Response[bytes]:
    """The metrics of every process of the house, in Prometheus' text format."""
    return Response(await gathering.house_metrics(bus), headers={"Content-Type": CONTENT_TYPE_LATEST})


@get("/openapi.json")
async def openapi(request: Asked) -> Response[bytes]:
    """The interface as OpenAPI 3.1."""
    return passed(request.app.state.openapi)


@get("/docs", media_type=MediaType.HTML)
async def docs() -> Response[bytes]:
    """The interface as a page that needs nothing from elsewhere."""
    return Response(PAGE, media_type=MediaType.HTML, headers={"Content-Security-Policy": PAGE_POLICY})


PAGE = files("gateway").joinpath("docs.html").read_bytes()
ENDPOINTS = (live, ready, metrics, openapi, docs)
