"""Who may come in: bearer tokens, and what is open to all."""

import time

import httpx
import pytest

from contracts.blueprint import BlueprintPage, ListBlueprints
from contracts.message import Caller
from tests.gateway.conftest import Sign
from tests.gateway.fakes import FakeHouse

PATH = "/api/v2/blueprints"


async def test_the_token_names_the_caller(nobody: httpx.AsyncClient, house: FakeHouse, sign: Sign):
    await house.when(ListBlueprints, BlueprintPage(items=(), next_cursor=None))

    answer = await nobody.get(PATH, headers={"Authorization": f"Bearer {sign(roles=['auditor'])}"})

    assert answer.status_code == 200
    assert house.asked[0].caller == Caller(user_id="ada", teams=("engines",), roles=("auditor",))


async def test_teams_and_roles_may_be_left_out(nobody: httpx.AsyncClient, house: FakeHouse, sign: Sign):
    await house.when(ListBlueprints, BlueprintPage(items=(), next_cursor=None))

    await nobody.get(PATH, headers={"Authorization": f"bearer {sign(teams=None)}"})

    assert house.asked[0].caller == Caller(user_id="ada")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YWRhOmFkYQ==", "token"])
async def test_without_a_token_nothing_is_told(nobody: httpx.AsyncClient, header: str | None):
    answer = await nobody.get(PATH, headers={"Authorization": header} if header is not None else {})

    assert (answer.status_code, answer.json()["code"]) == (401, "no_token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="headrace"'
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\0b"},
        {"sub": "a" * 256},
        {"teams": "engines"},
        {"teams": [7]},
        {"roles": {"admin": True}},
        {"secret": "another secret that is long enough as well"},
        {"nbf": 9_999_999_999},
    ],
)
async def test_a_token_that_does_not_hold_is_refused(nobody: httpx.AsyncClient, sign: Sign, claims: dict):
    answer = await nobody.get(PATH, headers={"Authorization": f"Bearer {sign(**claims)}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_an_expired_token_is_refused(nobody: httpx.AsyncClient, sign: Sign):
    answer = await nobody.get(PATH, headers={"Authorization": f"Bearer {sign(exp=int(time.time()) - 11)}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "expired_token")


async def test_an_unsigned_token_is_refused(nobody: httpx.AsyncClient, sign: Sign):
    unsigned = sign(secret="", algorithm="none")

    answer = await nobody.get(PATH, headers={"Authorization": f"Bearer {unsigned}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")


@pytest.mark.parametrize("garbage", ["x", "a.b.c", "\xff\xfe", "ä.ö.ü", "." * 10_000])
async def test_garbage_is_refused(nobody: httpx.AsyncClient, garbage: str):
    answer = await nobody.get(PATH, headers={"Authorization": b"Bearer " + garbage.encode("latin-1")})

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/health/live", "/docs", "/openapi.json", "/metrics"])
async def test_some_things_are_open(nobody: httpx.AsyncClient, path: str):
    assert (await nobody.get(path)).status_code == 200
