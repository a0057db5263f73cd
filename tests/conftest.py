"""Wires the fixtures that every package's tests share; how they are made stands in `tests/support`."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from functools import cache
from secrets import token_hex
from typing import Any

import asyncpg
import pytest
from hypothesis import settings

from tests.support.backends import Backend, choose, docker_trouble
from tests.support.distribution import OneStackAtATime, refuse_unknown_stacks
from tests.support.infrastructure import database_dsn, nats_server, postgres_server
from tests.support.lent_databases import LentDatabases

# How long an example takes says more about the machine than about the code.
settings.register_profile("headrace", deadline=None)
settings.load_profile("headrace")


@cache
def nats_backend() -> Backend:
    """The way to NATS in this run."""
    return choose("HEADRACE_NATS_URL", os.environ, _docker_trouble)


@cache
def postgres_backend() -> Backend:
    """The way to Postgres in this run."""
    return choose("HEADRACE_POSTGRES_DSN", os.environ, _docker_trouble)


@cache
def _docker_trouble() -> str | None:
    return docker_trouble()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneStackAtATime | None:
    """Files are dealt to workers in our way; see `tests.support.distribution`."""
    return OneStackAtATime(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps that way true."""
    refuse_unknown_stacks(items)


def pytest_collection() -> None:
    """Thousands of tests are made now, and none of them is garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """They stay until the end: the collector need not look at them again and again, half a second each time."""
    gc.freeze()
    gc.enable()


def pytest_report_header() -> list[str]:
    """Says which servers this run uses, and why these."""
    return [f"NATS: {nats_backend()}", f"Postgres: {postgres_backend()}"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says so at the end when a quiet run has no header; then what tests measured (`record_property("told", …)`)."""
    if config.get_verbosity() < 0:
        for line in pytest_report_header():
            terminalreporter.write_line(line)
    for report in terminalreporter.getreports("passed"):
        for name, line in report.user_properties:
            if name == "told":
                terminalreporter.write_line(str(line))


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    """A NATS server with JetStream, one for each worker of the run; keep apart by `namespace`."""
    with nats_server(nats_backend()) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_admin_dsn() -> Iterator[str]:
    """A Postgres server, one for each worker of the run, as a role that may create databases."""
    with postgres_server(postgres_backend()) as dsn:
        yield dsn


@pytest.fixture
async def postgres_dsn(postgres_admin_dsn: str) -> AsyncIterator[str]:
    """A database of the test's own in which nothing is; where tables are wanted, `databases` is much quicker."""
    name = f"headrace_test_{token_hex(6)}"
    admin = await asyncpg.connect(postgres_admin_dsn)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        yield database_dsn(postgres_admin_dsn, name)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture(scope="session")
def databases(postgres_admin_dsn: str) -> Iterator[LentDatabases]:
    """Lends databases that have the tables of a service, empty."""
    lent = LentDatabases(postgres_admin_dsn)
    yield lent
    asyncio.run(lent.drop_all())


@pytest.fixture
def namespace() -> str:
    """A namespace of the test's own: no two tests share a subject or a stream."""
    return f"t{token_hex(6)}"
