"""Where an `http` node is sent on to: another request, with nothing in it that only the first server should see."""

from dataclasses import dataclass

import httpx

from execution.nodes.action import NodeFailure

REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
KEEPING_METHOD = frozenset({307, 308})
FOR_ANY_SERVER = frozenset(
    {
        *("accept", "accept-encoding", "accept-language", "content-type"),
        *("idempotency-key", "traceparent", "user-agent"),
    }
)
"""Headers that go along to another origin; whatever else the node wrote may be a credential."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A request as it goes out."""

    method: str
    url: httpx.URL
    headers: dict[str, str]
    """Names in lower case."""
    content: bytes | None


def redirected(sending: Sending, response: httpx.Response) -> Sending | None:
    """The request that the answer asks for, if it does; raises `NodeFailure` for one that no node may follow."""
    if response.status_code not in REDIRECTIONS or "location" not in response.headers:
        return None
    url = _target(sending.url, response.headers["location"])
    headers = sending.headers if _origin(url) == _origin(sending.url) else _for_any_server(sending.headers)
    if response.status_code in KEEPING_METHOD or sending.method in ("GET", "HEAD"):
        return Sending(sending.method, url, headers, sending.content)
    return Sending("GET", url, {name: text for name, text in headers.items() if name != "content-type"}, None)


def _target(come_from: httpx.URL, location: str) -> httpx.URL:
    try:
        url = come_from.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise _not_followed(come_from, "to no URL") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise _not_followed(come_from, "to no web address")
    if url.userinfo:
        raise _not_followed(come_from, "to a URL with a user in it")
    if come_from.scheme == "https" and url.scheme == "http":
        raise _not_followed(come_from, "from https to http, where anybody could listen")
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _for_any_server(headers: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name in FOR_ANY_SERVER}


def _not_followed(come_from: httpx.URL, where: str) -> NodeFailure:
    sentence = f"{come_from.host} redirects {where}; call the right URL, or leave `follow_redirects` out to see it."
    return NodeFailure("permanent", "bad_redirect", sentence)
