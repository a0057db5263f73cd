"""One stack for all journeys, started as a person starts it, and people at its door whom nobody has met before."""

from collections.abc import AsyncIterator, Iterator
from secrets import token_hex

import pytest

from tests.support.api import Api, user_of
from tests.support.outside import Outside, the_outside
from tests.support.stacks import Up


@pytest.fixture(scope="package")
def outside() -> Iterator[Outside]:
    """The model provider and the trace collector that the stack is told of."""
    with the_outside() as servers:
        yield servers


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[Up]:
    """`headrace up`, ready. Traces are taken of requests that ask for it; who comes may say from which address."""
    environment = {**outside.environment, "HEADRACE_TRUSTED_PROXIES": "127.0.0.1/32"}
    up = Up.launch(tmp_path_factory.mktemp("stack") / "data", **environment)
    try:
        up.ready_line()
        yield up
        status, said = up.stop()
        assert status == 0, said
    finally:
        up.reap()


@pytest.fixture
def team() -> str:
    """A team that exists for one test."""
    return f"team-{token_hex(6)}"


@pytest.fixture
async def ada(stack: Up, team: str) -> AsyncIterator[Api]:
    """A new person, in the team."""
    async with user_of(stack, teams=[team]) as api:
        yield api


@pytest.fixture
async def bob(stack: Up) -> AsyncIterator[Api]:
    """Another one, in no team."""
    async with user_of(stack) as api:
        yield api


@pytest.fixture
async def teammate(stack: Up, team: str) -> AsyncIterator[Api]:
    """Another one of the same team."""
    async with user_of(stack, teams=[team]) as api:
        yield api
