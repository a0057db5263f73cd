"""A key is issued and revoked, a role given and taken, somebody shut out; and all of it can be read later."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.journeys.things import GOOD
from tests.support.api import Api, user_of
from tests.support.eventually import eventually
from tests.support.stacks import Up

AT_ONCE_SECONDS = 1.0
"""So long a change of access may take until everybody at the door feels it."""


@pytest.fixture
async def root(stack: Up) -> AsyncIterator[Api]:
    """An admin of the deployment."""
    async with user_of(stack, roles=["*:admin"]) as api:
        yield api


@asynccontextmanager
async def holder_of(key: str, owner: Api) -> AsyncIterator[Api]:
    """Whoever has the key."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=owner.http.base_url, headers=headers, trust_env=False) as http:
        yield Api(http, owner.interface, owner.user)


async def told_of(root: Api, user: str, count: int) -> list[tuple[str, int, str | None]]:
    """What the audit trail tells of a user, oldest first, once it is so much."""

    async def entries() -> list[dict[str, Any]]:
        found = await root.pages("/audit", user=user)
        assert len(found) >= count, found
        return found

    found = await eventually(entries)
    return [(entry["action"], entry["status"], entry["refusal"]) for entry in reversed(found)]


async def test_a_key_opens_until_it_is_revoked(bob: Api, root: Api, team: str) -> None:
    await root.ask("PUT", f"/users/{bob.user}/roles/{team}/editor")
    issued = await bob.ask("POST", "/api-keys", 201, json={"name": "build", "scopes": ["read", "edit"]})
    async with holder_of(issued["key"], bob) as holder:
        own = await holder.get("/users/me")
        created = await holder.create(GOOD | {"visibility": "team", "team_id": team})
        await holder.refused("POST", f"/blueprints/{created['id']}/execute", 403, "out_of_scope", json={})
        await bob.ask("DELETE", f"/api-keys/{issued['id']}")

        async def refused() -> bool:
            return (await holder.send("GET", "/blueprints")).status_code == 401

        await eventually(refused, AT_ONCE_SECONDS)

    assert (own["user_id"], own["teams"], own["scopes"]) == (bob.user, [team], ["read", "edit"])
    assert (created["owner_id"], created["team_id"]) == (bob.user, team)
    assert await told_of(root, bob.user, 4) == [
        ("POST /api-keys", 201, None),
        ("POST /blueprints", 201, None),
        ("POST /blueprints/{id}/execute", 403, "out_of_scope"),
        ("DELETE /api-keys/{id}", 200, None),
    ]


async def test_a_role_takes_effect_at_once_and_ends_at_once(ada: Api, bob: Api, root: Api, team: str) -> None:
    shared = (await ada.create(GOOD | {"visibility": "team", "team_id": team}))["id"]
    path = f"/blueprints/{shared}"
    await bob.refused("GET", path, 404)

    async def sees(status: int) -> None:
        async def so() -> bool:
            return (await bob.send("GET", path)).status_code == status

        await eventually(so, AT_ONCE_SECONDS)

    await root.ask("PUT", f"/users/{bob.user}/roles/{team}/viewer")
    await sees(200)
    await bob.refused("POST", f"{path}/execute", 403, json={})
    await root.ask("DELETE", f"/users/{bob.user}/roles/{team}/viewer")
    await sees(404)


async def test_whoever_is_shut_out_stays_out_with_every_token(bob: Api, root: Api) -> None:
    await bob.get("/blueprints")

    async def refused() -> bool:
        return (await bob.send("POST", "/blueprints", json=GOOD)).status_code == 401

    await root.ask("POST", f"/users/{bob.user}/deactivate")
    await eventually(refused, AT_ONCE_SECONDS)

    assert (await told_of(root, bob.user, 1))[-1] == ("POST /blueprints", 401, "user_inactive")


async def test_the_trail_is_whole_and_says_who_did_it(root: Api, bob: Api) -> None:
    await root.ask("PUT", f"/users/{bob.user}", json={"display_name": "Bob"})

    verdict = await root.get("/audit/verify")
    (entry,) = await root.pages("/audit", user=root.user)
    exported = await root.send("GET", "/audit/export", params={"user": root.user})

    assert verdict["intact"]
    assert verdict["entries"] >= 1
    assert (entry["action"], entry["target"], entry["address"]) == ("PUT /users/{user_id}", bob.user, "127.0.0.1")
    assert exported.text.count("\n") == 1
    await bob.refused("GET", "/audit", 403, "not_an_admin")
