"""Secrets and quotas on a whole stack: set over HTTP, used by nodes, binding at the door, and found nowhere."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.journeys.test_a_request_is_traced import a_traceparent
from tests.support.api import Api, user_of
from tests.support.blueprints import chain, step
from tests.support.databases import at_rest
from tests.support.eventually import eventually
from tests.support.outside import Outside
from tests.support.stacks import Up

KEY = "${ secrets.KEY }"


@pytest.fixture
async def admin(stack: Up) -> AsyncIterator[Api]:
    """The deployment's."""
    async with user_of(stack, roles=["*:admin"]) as api:
        yield api


def holding(folder: Path, text: str) -> list[str]:
    """The files below a folder that hold a text: tables and their log, streams, the log of each process."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 100
    return [str(file) for file in files if text.encode() in file.read_bytes()]


async def test_a_secret_reaches_the_node_and_is_written_nowhere(stack: Up, ada: Api, outside: Outside) -> None:
    value, plain = f"hush-{secrets.token_hex(12)}", f"plain-{secrets.token_hex(12)}"
    await ada.ask("PUT", "/secrets/KEY", json={"value": value})
    tell = await ada.create(chain(step("tell", arguments={"key": f"Bearer {KEY}"})))
    again = {"max_attempts": 2, "backoff_seconds": 0}
    refuse = step("refuse", name="fail", arguments={"message": f"no {KEY}", "error_type": "transient"}, retry=again)
    ask = await ada.create(chain(step("ask", "model", provider="offline", model="echo", prompt=f"say {KEY} now")))
    trace_id, headers = a_traceparent()

    assert (await ada.execute(tell, plain))["output"]["tell"]["key"] == "Bearer ***"
    path = f"/blueprints/{(await ada.create(chain(refuse)))['id']}/execute"
    failed = await ada.ask("POST", path, json={}, headers=headers)
    assert (failed["status"], failed["error"]["message"]) == ("failed", "no ***")
    lines = await ada.stream(ask)
    spoken = "".join(line["data"]["text"] for line in lines if line["event"] == "Token")
    assert spoken.endswith("you asked: say *** now")

    await at_rest(stack)
    await eventually(lambda: ("headrace-execution", "node tool") in outside.collector.spans(trace_id))
    assert not [asked for asked in outside.collector.server.asked if value.encode() in asked.body]
    assert len(holding(stack.data_dir, plain)) > 1
    assert holding(stack.data_dir, value) == []


async def test_without_the_secret_the_node_says_what_is_missing_and_goes_on_once_it_is_set(ada: Api) -> None:
    blueprint = await ada.create(chain(step("tell", arguments={"key": KEY})))
    failed = await ada.execute(blueprint)
    assert failed["error"]["code"] == "secret_missing"
    await ada.ask("PUT", "/secrets/KEY", json={"value": "now it is there"})
    await ada.steer(failed["instance_id"], "retry")
    assert (await ada.reaches(failed["instance_id"], "completed"))["output"]["tell"]["key"] == "***"


async def test_beyond_a_quota_is_429_until_midnight_at_the_latest(ada: Api, admin: Api) -> None:
    blueprint = await ada.create(chain(step("tell")))
    await admin.ask("PUT", f"/quotas/user/{ada.user}", json={"executions_per_day": 1})
    await ada.execute(blueprint)

    response = await ada.send("POST", f"/blueprints/{blueprint['id']}/execute", json={})

    assert (response.status_code, response.json()["code"]) == (429, "quota_exceeded")
    assert 0 < int(response.headers["retry-after"]) <= 24 * 3600
    await admin.ask("PUT", f"/quotas/user/{ada.user}", json={})
    await eventually(lambda: runs_again(ada, blueprint["id"]))


async def runs_again(api: Api, blueprint_id: str) -> bool:
    """Whether a quota has been lifted."""
    return (await api.send("POST", f"/blueprints/{blueprint_id}/execute", json={})).status_code == 200
