"""Quotas: who has one is known in memory, what is used up stands in Postgres, where all workers count together."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg
from nats.aio.msg import Msg

from chassis import clock
from chassis.bus import Bus
from chassis.codec import Codec
from chassis.envelope import recorded_from
from chassis.logs import get_logger
from chassis.runtime import Runtime
from contracts.quotas import QuotaLimits, QuotaSet
from contracts.versions import Unreadable
from execution.domain.instance import Instance
from execution.middleware.contract import Over, Quota

READ_SECONDS = 5.0
"""What access says is heard at once; so often it is also read, for a message may be lost."""
LOST_SECONDS = 60.0
"""A place whose execution is not recorded after so long is given back: longer than an append may take."""
UNLIMITED = QuotaLimits()
CODEC = Codec(QuotaSet)

KNOWN = """
SELECT kind, owner, position, executions_per_day, concurrent_executions, tokens_per_day, cost_per_day FROM known_quotas
"""
TAKE = "SELECT over_spot, over_limit FROM take_quota($1, $2, $3, $4, $5, $6, $7, $8, $9)"
CHARGE = "SELECT charge_quota($1, $2, $3, $4, $5)"
SETTLE_ENDED = """
SELECT charge_quota(ended.instance_id, $1, ended.prompt_tokens + ended.completion_tokens, ended.cost, false)
FROM (
    SELECT DISTINCT instance_id FROM quota_places WHERE live AND since < clock_timestamp() - make_interval(secs => $2)
) AS place
JOIN workflow_instances AS ended USING (instance_id)
WHERE ended.completed_at IS NOT NULL
"""
GIVE_BACK = "SELECT give_back_quota($1)"
FORGET = """
WITH forgotten AS (DELETE FROM quota_usage WHERE day < $1::date - 2)
DELETE FROM quota_places WHERE NOT live AND since < clock_timestamp() - interval '2 days'
"""

log = get_logger(__name__)


class PostgresQuotas:
    """Asks Postgres only for whoever has a quota."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """`pool` sees the execution schema."""
        self.pool = pool
        self.known: dict[tuple[str, str], Quota] = {}
        """Also those that were lifted, so that an older word does not come back."""

    def of(self, user_id: str, team_id: str | None) -> Sequence[Quota]:
        """The quotas that an execution of this user's, for this team, counts under."""
        if not self.known:
            return ()
        found = (self.known.get(("team", team_id)) if team_id else None, self.known.get(("user", user_id)))
        return [quota for quota in found if quota is not None and quota.limits != UNLIMITED]

    async def take(self, instance_id: UUID, quotas: Sequence[Quota], *, counted: bool) -> Over | None:
        """Take a place under each of them, or under none; which one is used up. Asking again takes nothing more."""
        limits = [quota.limits for quota in quotas]
        row = await self.pool.fetchrow(
            TAKE,
            instance_id,
            clock.now().date(),
            [quota.kind for quota in quotas],
            [quota.owner for quota in quotas],
            [limit.executions_per_day for limit in limits],
            [limit.concurrent_executions for limit in limits],
            [limit.tokens_per_day for limit in limits],
            [limit.cost_per_day for limit in limits],
            counted,
        )
        return None if row["over_spot"] is None else Over(quotas[row["over_spot"] - 1], row["over_limit"])

    async def charge(self, instance: Instance) -> None:
        """Count what a run has used until now, and that it lives or has ended."""
        figures = instance.figures
        tokens = figures.prompt_tokens + figures.completion_tokens
        await self.pool.execute(CHARGE, instance.id, clock.now().date(), tokens, figures.cost, not instance.ended)

    async def tidy_up(self, lost_seconds: float = LOST_SECONDS) -> None:
        """What a worker that died left open: ends that were not counted, places that nothing came of; what is old."""
        today = clock.now().date()
        await self.pool.fetch(SETTLE_ENDED, today, lost_seconds)
        given = await self.pool.fetchval(GIVE_BACK, lost_seconds)
        if given:
            log.info("quotas.given_back", places=given)
        await self.pool.execute(FORGET, today)

    async def follow(self, runtime: Runtime) -> None:
        """Know who has a quota, from now on until the process stops."""
        await self.listen(runtime.bus)
        await self.read()
        runtime.spawn(self.keep_reading(), "quotas")

    async def listen(self, bus: Bus) -> None:
        """Hear of quotas as access says so, in every process."""

        async def hear(msg: Msg) -> None:
            recorded = recorded_from(msg)
            try:
                event = CODEC.decode(recorded) if recorded is not None else None
            except Unreadable as error:
                log.warning("quotas.not_understood", error=str(error))
                return
            if recorded is not None and isinstance(event, QuotaSet):
                self.learn(Quota(event.kind, event.owner, event.limits, recorded.position))

        await bus.nc.subscribe(bus.subject(QuotaSet.SERVICE, QuotaSet.topic(), "*"), cb=hear)

    async def keep_reading(self) -> None:
        """Read what the projection knows, again and again, until cancelled."""
        while True:
            try:
                await self.read()
            except Exception as error:  # noqa: BLE001 - whatever it is, what is known stays so until the next time
                log.warning("quotas.not_read", error=repr(error))
            await asyncio.sleep(READ_SECONDS)

    async def read(self) -> None:
        """Read all of them."""
        for kind, owner, position, executions, concurrent, tokens, cost in await self.pool.fetch(KNOWN):
            limits = QuotaLimits(
                executions_per_day=executions,
                concurrent_executions=concurrent,
                tokens_per_day=tokens,
                cost_per_day=cost,
            )
            self.learn(Quota(kind, owner, limits, position))

    def learn(self, quota: Quota) -> None:
        """The later word counts."""
        before = self.known.get((quota.kind, quota.owner))
        if before is None or before.position < quota.position:
            self.known[quota.kind, quota.owner] = quota
