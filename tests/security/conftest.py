"""One stack for what strangers try, started as a person starts it, and everybody at its door."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.security.people import People, people_at
from tests.support.stacks import Up


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`headrace up`, ready; who comes may say from which address."""
    up = Up.launch(tmp_path_factory.mktemp("stack") / "data", HEADRACE_TRUSTED_PROXIES="127.0.0.1/32")
    try:
        up.ready_line()
        yield up
        status, said = up.stop()
        assert status == 0, said
    finally:
        up.reap()


@pytest.fixture
async def people(stack: Up) -> AsyncIterator[People]:
    """One of each, new for each test."""
    async with people_at(stack) as everybody:
        yield everybody
