"""Every endpoint, every relation, every visibility: who is let in is what the table says."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.api import health
from gateway.app import openapi_document
from tests.security import people as everybody
from tests.security.access_matrix import ACCESS_CALLS, access_rows
from tests.security.matrix import CALLS, RELATIONS, Row, rows
from tests.security.people import People, tokens_that_do_not_hold
from tests.security.things import QUICK, a_thing, sharings, things_of
from tests.support.api import API
from tests.support.stacks import Up

OPEN = frozenset({"/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs"})
"""What is asked without a token, and tells of no user's work."""
NOBODYS = "018f3a52-0000-7000-8000-000000000000"
SCOPES = ("read", "execute", "steer", "edit", "manage")
ROWS = tuple(rows())
EVERY_CALL = CALLS | ACCESS_CALLS


def operations() -> dict[str, tuple[str, str]]:
    """Every operation of the published document: its method and its path."""
    paths: dict[str, dict[str, Any]] = openapi_document()["paths"]
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_every_endpoint_stands_in_the_table() -> None:
    assert {row.operation for row in (*ROWS, *access_rows())} == set(operations()) == set(EVERY_CALL)
    assert {path for endpoint in health.ENDPOINTS for path in endpoint.paths} == OPEN
    assert tuple(everybody.RELATIONS) == RELATIONS


@pytest.mark.parametrize("operation", EVERY_CALL)
def test_the_table_asks_endpoints_as_they_are_published(operation: str) -> None:
    method, path = operations()[operation]
    asked = EVERY_CALL[operation]

    assert asked.method == method
    assert re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), API + asked.path)


async def answers(people: People, row: Row, thing: str | None) -> dict[str, str]:
    """What each relation hears: `ok`, or the status of the refusal."""
    asked = CALLS[row.operation]
    own: dict[str, Any] = {"json": asked.body} if asked.body is not None else {}

    async def answer(relation: str) -> str:
        given, target = own, thing
        if row.operation in ("createBlueprint", "updateBlueprint"):
            sharing = {"the team": "team", "oneself": "private"}.get(row.of, row.of)
            told = {} if "unshared" in row.of else sharings(people.team)[sharing]
            given = {"json": QUICK | told}
        if "unshared" in row.of:
            # Whoever may do so puts it out of everybody else's sight.
            target = await a_thing(people, row.operation, row.of)
        path = asked.path.replace("{id}", target or NOBODYS)
        response = await people[relation].send(asked.method, path, params=asked.query, **given)
        return "ok" if response.status_code in asked.fine else str(response.status_code)

    if row.operation == "updateBlueprint":
        # At the same time they would be told of each other.
        return {relation: await answer(relation) for relation in RELATIONS}
    return dict(zip(RELATIONS, await asyncio.gather(*map(answer, RELATIONS)), strict=True))


async def test_everybody_may_do_what_stands_in_the_table(people: People) -> None:
    wanted = [(row.operation, row.of) for row in ROWS if "{id}" in CALLS[row.operation].path]
    things = await things_of(people, wanted)
    wrong = []
    for row in ROWS:
        found = await answers(people, row, things.get((row.operation, row.of)))
        wrong += [
            f"{row.operation} ({row.of}) as {relation}: {found[relation]}, not {row.expected[relation]}"
            for relation in RELATIONS
            if found[relation] != row.expected[relation]
        ]
    assert wrong == []


def asked_of(thing: str, people: People) -> Mapping[str, str]:
    """Every endpoint's path, about something that is there as far as one thing can be everything."""
    names = {"id": thing, "user": people["owner"].user, "team": people.team, "name": "KEY"}
    return {operation: asked.path.format(**names) for operation, asked in EVERY_CALL.items()}


async def test_without_a_token_that_holds_nobody_learns_whether_anything_is_there(people: People, stack: Up) -> None:
    owner = people["owner"]
    paths = asked_of(await a_thing(people, "getBlueprint", "public"), people)
    told = set()
    for number, authorization in enumerate(tokens_that_do_not_hold(stack, owner.user).values()):
        # Whoever tries too often from one address is asked to wait.
        headers = {"Authorization": authorization, "X-Forwarded-For": f"203.0.113.{number}"}
        for operation, asked in EVERY_CALL.items():
            given = {"json": asked.body} if asked.body is not None else {}
            response = await owner.send(asked.method, paths[operation], params=asked.query, headers=headers, **given)
            told.add((response.status_code, response.headers.get("WWW-Authenticate", "").partition(",")[0]))
    assert told == {(401, 'Bearer realm="headrace"')}


async def test_an_api_key_without_the_scope_is_let_in_nowhere(people: People) -> None:
    admin = people["admin"]
    thing = await a_thing(people, "getBlueprint", "public, team")
    run = await a_thing(people, "getInstance", "public, team")
    keys = {}
    for needed in SCOPES:
        others = {"name": f"no {needed}", "scopes": [scope for scope in SCOPES if scope != needed]}
        keys[needed] = (await admin.ask("POST", "/api-keys", 201, json=others))["key"]
    wrong = []
    for operation, asked in EVERY_CALL.items():
        path = asked_of(run if asked.path.startswith("/instances") else thing, people)[operation]
        given = {"json": QUICK if operation in ("createBlueprint", "updateBlueprint") else asked.body}
        headers = {"Authorization": f"Bearer {keys[asked.needs]}"}
        response = await admin.send(asked.method, path, params=asked.query, headers=headers, **given)
        if response.status_code != 403 or response.json()["code"] != "out_of_scope":
            wrong.append(f"{operation} without {asked.needs}: {response.status_code} {response.text}")
    assert wrong == []


async def test_what_is_open_to_all_tells_of_nobodys_work(people: People) -> None:
    owner = people["owner"]
    blueprint = await owner.create(QUICK | {"visibility": "team", "team_id": people.team, "name": "a well kept name"})
    run = (await owner.execute(blueprint))["instance_id"]
    secrets = (owner.user, people.team, blueprint["id"], run, "a well kept name")
    for path in OPEN:
        response = await owner.http.get(path, headers={"Authorization": ""})
        assert response.status_code == 200
        assert [secret for secret in secrets if secret in response.text] == []
