"""What can be done at a path: the `Allow` of an OPTIONS request, of all endpoints there together."""

from collections.abc import Iterable

from litestar import Response
from litestar.handlers import HTTPRouteHandler


def options_of(endpoints: Iterable[HTTPRouteHandler]) -> tuple[HTTPRouteHandler, ...]:
    """One endpoint for each path.

    They are registered before the others: else the framework adds its own, which knows one method of a path alone.
    """
    methods: dict[str, set[str]] = {}
    for endpoint in endpoints:
        for path in endpoint.paths:
            methods.setdefault(path, {"OPTIONS"}).update(endpoint.http_methods)
    return tuple(_answering(path, ", ".join(sorted(allowed))) for path, allowed in methods.items())


def _answering(path: str, allowed: str) -> HTTPRouteHandler:
    async def options() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": allowed})

    return HTTPRouteHandler(path, http_method="OPTIONS", status_code=204)(options)
