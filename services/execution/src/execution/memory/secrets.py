"""The named secrets that access told of, sealed as they came, opened for a node that is about to begin."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from chassis.clock import monotonic
from chassis.logs import get_logger
from chassis.sealing import Sealer, Unreadable, key_from_text
from chassis.settings import BadSettings
from contracts.instance_events import InstanceRequested
from contracts.secrets import sealing_context
from execution.domain.redaction import Redaction
from execution.nodes.action import NodeFailure

ARRIVAL_SECONDS = 2.0
"""How long a secret that was set a moment ago may take from access's ledger to ours."""
LOOK_AGAIN_SECONDS = 0.05
HIDDEN_IN_LOGS = 128
"""Values that were opened last; they are looked for in every line that is logged."""

SELECT = """
SELECT whose.kind, whose.owner, whose.for_all, secret.name, secret.sealed
FROM (
    SELECT CASE WHEN is_teams THEN 'team' ELSE 'user' END AS kind,
           CASE WHEN is_teams THEN team_id ELSE owner_id END AS owner,
           NOT is_teams OR visibility = 'public' AS for_all
    FROM known_blueprints, LATERAL (SELECT team_id IS NOT NULL AND visibility <> 'private' AS is_teams) AS shared
    WHERE blueprint_id = $1
) AS whose
LEFT JOIN known_secrets AS secret
    ON secret.kind = whose.kind AND secret.owner = whose.owner AND secret.name = ANY($2::text[])
"""
NOWHERE = ("user", "nobody", True)
"""Whose secrets a blueprint reads that is not known here: there are none."""

log = get_logger(__name__)
CaughtUp = Callable[[float], Awaitable[bool]]


class KnownSecrets:
    """Looks a secret up by the team that the blueprint is shared with, else by its owner: never by who runs it.

    So a blueprint that everybody may run carries nobody's secrets away but those of whoever wrote it. What a team keeps
    to itself reads the team's secrets in the team's runs alone: its owner who has left runs it without.
    """

    def __init__(self, pool: asyncpg.Pool, caught_up: CaughtUp, sealing_key: SecretStr | None) -> None:
        """`caught_up(seconds)` waits for what access has said until now; raises `BadSettings` for a bad key."""
        self.pool = pool
        self.caught_up = caught_up
        self._key = sealing_key
        self._sealer: Sealer | None = None
        self._lately: OrderedDict[str, None] = OrderedDict()
        self._hiding = Redaction({})
        if sealing_key is not None:
            try:
                key_from_text(sealing_key.get_secret_value())
            except ValueError as error:
                raise BadSettings(f"HEADRACE_SEALING_KEY cannot be used: {error}") from error

    async def open(self, run: InstanceRequested, names: Sequence[str]) -> Mapping[str, str]:
        """The values by name, as they are now; raises `NodeFailure` when one cannot be had."""
        sealer = self._opener()
        await self._hear()
        deadline = monotonic() + ARRIVAL_SECONDS
        while True:
            (kind, owner, for_all), sealed = await self._find(run.blueprint_id, names)
            if not for_all and run.team_id != owner:
                raise not_for_this_run()
            missing = [name for name in names if name not in sealed]
            if not missing:
                values = {name: opened(sealer, kind, owner, name, sealed[name]) for name in names}
                self._remember(values.values())
                return values
            if monotonic() >= deadline:
                raise secret_missing(missing[0], kind)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def hide(self, line: str) -> str:
        """A line for the log without the values that were opened lately: what a node's code logs is not ours."""
        return self._hiding.text(line)

    def _remember(self, values: Iterable[str]) -> None:
        new = [value for value in values if value not in self._lately]
        if new:
            self._lately |= dict.fromkeys(new)
            while len(self._lately) > HIDDEN_IN_LOGS:
                self._lately.popitem(last=False)
            self._hiding = Redaction({value: value for value in self._lately})

    def _opener(self) -> Sealer:
        if self._key is None:
            sentence = (
                "This deployment has no sealing key, so no secret can be opened: whoever runs it sets "
                "HEADRACE_SEALING_KEY, the same for access and execution."
            )
            raise NodeFailure("permanent", "sealing_key_missing", sentence)
        if self._sealer is None:
            self._sealer = Sealer.from_text(self._key.get_secret_value())
        return self._sealer

    async def _hear(self) -> None:
        """Let what access has said arrive, so that a value that was changed a moment ago is the new one."""
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS):
                await self.caught_up(ARRIVAL_SECONDS)
        except Exception as error:  # noqa: BLE001 - without the bus, what is known already must do
            log.warning("secrets.not_caught_up", error=repr(error))

    async def _find(self, blueprint_id: UUID, names: Sequence[str]) -> tuple[tuple[str, str, bool], dict[str, str]]:
        rows = await self.pool.fetch(SELECT, blueprint_id, list(names))
        whose = (rows[0]["kind"], rows[0]["owner"], rows[0]["for_all"]) if rows else NOWHERE
        return whose, {row["name"]: row["sealed"] for row in rows if row["name"] is not None}


def opened(sealer: Sealer, kind: str, owner: str, name: str, sealed: str) -> str:
    """The value of one secret."""
    try:
        return sealer.open(sealed, sealing_context("team" if kind == "team" else "user", owner, name))
    except Unreadable as error:
        sentence = (
            f"The secret `{name}` was sealed under another key than this deployment's HEADRACE_SEALING_KEY: "
            "set it again, or give access and execution the key it was sealed with."
        )
        raise NodeFailure("permanent", "secret_unreadable", sentence) from error


def not_for_this_run() -> NodeFailure:
    """A team's secrets, and a run that is not the team's."""
    sentence = (
        "The blueprint reads its team's secrets, and this run is not the team's: whoever started it may not run "
        "blueprints for the team. A member runs it, or its owner shares it otherwise."
    )
    return NodeFailure("permanent", "secret_not_yours", sentence)


def secret_missing(name: str, kind: str) -> NodeFailure:
    """There is no such secret where this blueprint reads its secrets."""
    if kind == "team":
        sentence = (
            f"The blueprint's team has no secret `{name}`: an admin of the team sets it with "
            f"`PUT /api/v2/secrets/{name}?team=TEAM`."
        )
    else:
        sentence = f"The blueprint's owner has no secret `{name}`: the owner sets it with `PUT /api/v2/secrets/{name}`."
    return NodeFailure("permanent", "secret_missing", sentence)
