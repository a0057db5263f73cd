"""Everybody who may come to the door, by what they are to the owner of a thing and to its team."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex

import jwt

from headrace.embedded.secrets import read_secrets
from headrace.tokens import ALGORITHM
from tests.support.api import Api, user_of
from tests.support.stacks import Up

RELATIONS: Mapping[str, tuple[str | None, str | None]] = {
    "owner": ("own", None),
    "viewer": ("own", "viewer"),
    "operator": ("own", "operator"),
    "editor": ("own", "editor"),
    "admin": ("own", "admin"),
    "member": ("own", None),
    "stranger": (None, None),
    "other": ("other", "admin"),
    "deploy": (None, "*:admin"),
}
"""Which team, and which role in it: `other` is the admin of another team, `deploy` the deployment's."""


@dataclass(frozen=True)
class People:
    """One of each, their team, and a team that is none of theirs."""

    team: str
    other_team: str
    by_relation: Mapping[str, Api]

    def __getitem__(self, relation: str) -> Api:
        return self.by_relation[relation]


@asynccontextmanager
async def people_at(up: Up) -> AsyncIterator[People]:
    """People whom nobody has met before, at the door of a running stack."""
    teams = {"own": f"team-{token_hex(6)}", "other": f"rival-{token_hex(6)}"}
    async with AsyncExitStack() as doors:
        found: dict[str, Api] = {}
        for relation, (team, role) in RELATIONS.items():
            member_of = [teams[team]] if team else []
            roles = [role if role.startswith("*") else f"{member_of[0]}:{role}"] if role else []
            found[relation] = await doors.enter_async_context(user_of(up, teams=member_of, roles=roles))
        yield People(teams["own"], teams["other"], found)


def tokens_that_do_not_hold(up: Up, user: str) -> dict[str, str]:
    """What an `Authorization` header may say of somebody, in vain."""
    secrets = read_secrets(up.data_dir)
    assert secrets is not None
    claims = {"sub": user, "teams": [], "exp": int(time.time()) + 600}
    expired = jwt.encode(claims | {"exp": int(time.time()) - 600}, secrets.jwt, algorithm=ALGORITHM)
    forged = jwt.encode(claims, "a key that is somebody else's altogether", algorithm=ALGORITHM)
    unsigned = jwt.encode(claims, "", algorithm="none")
    return {
        "no token": "",
        "no bearer": "Basic YTpi",
        "a forged token": f"Bearer {forged}",
        "an unsigned token": f"Bearer {unsigned}",
        "an expired token": f"Bearer {expired}",
        "an unknown API key": f"Bearer hr_{'0' * 32}_{'A' * 43}",
    }
