"""A mill beside a service that says what access says, with tools that are trusted with secrets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from nats.js.api import ConsumerConfig, DeliverPolicy

from chassis.sealing import new_key
from execution.app import MIGRATIONS
from tests.support.access_facts import ACCESS_TABLES, Access, telling_of_access
from tests.support.lent_databases import LentDatabases, Tables
from tests.support.mill import Mill, milling

TABLES = (Tables("execution", MIGRATIONS), ACCESS_TABLES)
KEY = new_key()
TOOLS = '''
"""Tools that do with what they are given whatever could give it away."""

import base64
import hashlib
import logging

from execution.tools import ToolError


async def use(arguments, context):
    """Answer what was given in several forms, and its digest as proof that it was the right one."""
    key = arguments["key"]
    logging.getLogger("tool").warning("used %s", key)
    encoded = base64.b64encode(f"user:{key}".encode()).decode()
    return {"key": key, key: [f"Bearer {key}", encoded], "digest": hashlib.sha256(key.encode()).hexdigest()}


async def refuse(arguments, context):
    """Fail with it, at first so that it is tried again."""
    kind = "transient" if context.attempt == 1 else "permanent"
    raise ToolError(f"no entry for {arguments['key']}", type=kind, code=f"no-{arguments['key']}")


def crash(arguments, context):
    """Break with it, in a thread."""
    try:
        raise KeyError(arguments["key"])
    except KeyError as error:
        raise RuntimeError(f"cannot read {arguments['key']!r}") from error
'''


@asynccontextmanager
async def guarded_mill(
    databases: LentDatabases, nats_url: str, namespace: str, folder: Path, **settings: Any
) -> AsyncIterator[tuple[Mill, Access]]:
    """Both at work."""
    file = folder / "tools.py"
    file.write_text(TOOLS)
    async with databases.lend(*TABLES) as dsn, telling_of_access(dsn, nats_url, namespace, KEY) as access:
        chosen = {"sealing_key": KEY, "tools": file, **settings}
        async with milling(dsn, nats_url, namespace, **chosen) as mill:
            yield mill, access


@asynccontextmanager
async def two_workers(
    databases: LentDatabases, nats_url: str, namespace: str
) -> AsyncIterator[tuple[Mill, Mill, Access]]:
    """Two processes' worth of execution on one database."""
    async with (
        databases.lend(*TABLES) as dsn,
        telling_of_access(dsn, nats_url, namespace, KEY) as access,
        milling(dsn, nats_url, namespace) as one,
        milling(dsn, nats_url, namespace) as other,
    ):
        yield one, other, access


async def everything_kept(mill: Mill) -> str:
    """All rows of all tables of the database: what a backup would hold."""
    rows: list[str] = []
    tables = await mill.runtime.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'execution'")
    assert {"events", "workflow_instances", "known_secrets", "cache_entries"} <= {row["tablename"] for row in tables}
    for table in tables:
        found: list[asyncpg.Record] = await mill.runtime.pool.fetch(f'SELECT * FROM "{table["tablename"]}"')
        rows += [str(list(row.values())) for row in found]
    return "\n".join(rows)


async def everything_published(mill: Mill) -> str:
    """Every message of the streams of execution and of access."""
    bus, told = mill.runtime.bus, list[str]()
    for service in ("execution", "access"):
        last = (await bus.js.stream_info(bus.stream(service))).state.messages
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
        found = await bus.js.pull_subscribe("", stream=bus.stream(service), config=config)
        while last > 0:
            messages = await found.fetch(min(last, 100), timeout=5)
            last -= len(messages)
            told += [f"{message.headers} {message.data.decode()}" for message in messages]
    return "\n".join(told)
