"""A gateway that answers from a script, for the client that stands before it."""

from collections.abc import Callable
from typing import Any

import httpx

from headrace.client import Headrace

Handler = Callable[[httpx.Request], httpx.Response]


class Gateway:
    """Answers from a script and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers.pop(0)

    @property
    def paths(self) -> list[str]:
        """What was asked, without the part that all paths share."""
        return [f"{asked.method} {asked.url.path.removeprefix('/api/v2')}" for asked in self.asked]


def client(gateway: Handler) -> Headrace:
    """A client whose network is this gateway."""
    return Headrace("http://gateway/", "secret", transport=httpx.MockTransport(gateway))


def problem(status: int, **members: Any) -> httpx.Response:
    """A refusal."""
    return httpx.Response(status, json=members, headers={"Content-Type": "application/problem+json"})
