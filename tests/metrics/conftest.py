"""A migrated schema of the metrics service, and questions put to it."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import asyncpg
import pytest

from chassis.postgres import open_pool
from contracts.blueprint import BlueprintReference
from contracts.message import Caller
from contracts.metrics import BlueprintAnalytics, GetBlueprintAnalytics, GetUsage, UsageView
from metrics.queries import ReadModel, blueprint_analytics, usage
from tests.metrics.facts import NOON
from tests.support.lent_databases import LentDatabases, Tables

SCHEMA = "metrics"


@pytest.fixture
async def pool(databases: LentDatabases) -> AsyncIterator[asyncpg.Pool]:
    """The read model, empty."""
    tables = Tables(SCHEMA, ("chassis.delivery_migrations", "metrics.migrations"))
    async with databases.lend(tables) as dsn, await open_pool(dsn, SCHEMA) as pool:
        yield pool


class KnowsAll:
    """A projection that has seen everything up to a fixed moment."""

    async def as_of(self) -> datetime:
        return NOON


class Asking:
    """Questions as the gateway would ask them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._model = ReadModel(pool, KnowsAll())

    async def analytics(
        self, blueprint_id: UUID, since: datetime, until: datetime, caller: Caller | None = None, **reference: object
    ) -> BlueprintAnalytics:
        """By the owner (`ada`), unless said otherwise."""
        facts: dict[str, object] = {
            "version": 1,
            "position": 1,
            "latest_version": 1,
            "owner_id": "ada",
            "team_id": None,
            "visibility": "private",
            "archived": False,
        }
        blueprint = BlueprintReference.model_validate(facts | {"id": blueprint_id} | reference)
        query = GetBlueprintAnalytics(
            caller=caller or Caller(user_id="ada"), since=since, until=until, blueprint=blueprint
        )
        return await blueprint_analytics(query, self._model)

    async def usage(self, user_id: str, since: datetime, until: datetime, *teams: str) -> UsageView:
        """By the user themselves: nobody else may."""
        return await usage(GetUsage(caller=Caller(user_id=user_id, teams=teams), since=since, until=until), self._model)


@pytest.fixture
def ask(pool: asyncpg.Pool) -> Asking:
    """Somebody who asks the service, without a bus between."""
    return Asking(pool)
