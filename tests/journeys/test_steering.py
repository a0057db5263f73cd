"""Runs are steered over HTTP: paused, resumed, terminated, retried, given up in part, and traced to their family."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import Api, Json
from tests.support.blueprints import chain, fan, nap, step
from tests.support.eventually import eventually

NAPS = chain(nap("first", 0.5), nap("second", 0.0), name="naps")
FOREVER = chain(nap("nap", 60), name="forever")
UNTIL_CALLED = chain(step("called", "signal", name="call"), step("after"), name="until called")
BROKEN_ONCE = chain(
    step("before"),
    step("shaky", name="fail", arguments={"error_type": "permanent", "message": "no luck", "times": 1}),
    step("after"),
    name="broken once",
)


async def a_failed_run(api: Api, **body: Any) -> str:
    """A run that has failed and would succeed the next time."""
    run = await api.execute(await api.create(BROKEN_ONCE), **body)
    assert run["status"] == "failed"
    return str(run["instance_id"])


async def begun(api: Api, blueprint: Json, node: str) -> str:
    """A run in which this node has begun."""
    id = await api.begin(blueprint)

    async def in_flight() -> bool:
        entries = await api.logs(id)
        return ("NodeStarted", node) in {(entry["event"], entry["node_id"]) for entry in entries}

    await eventually(in_flight)
    return id


class TestPausing:
    async def test_lets_what_is_in_flight_end_and_begins_nothing_until_it_is_resumed(self, ada: Api) -> None:
        id = await begun(ada, await ada.create(NAPS), "first")

        await ada.steer(id, "pause")
        paused = await ada.reaches(id, "paused")
        told = await ada.told(id)
        await ada.steer(id, "resume")
        ended = await ada.ends(id)

        assert (paused["status"], ended["status"]) == ("paused", "completed")
        assert told[-1] == "InstancePaused"
        assert "second" not in [entry["node_id"] for entry in (await ada.logs(id))[: len(told)]]

    async def test_keeps_timers_for_later(self, ada: Api) -> None:
        blueprint = await ada.create(chain(step("wait", "delay", seconds=0.5)))
        paused, other = await ada.begin(blueprint), await ada.begin(blueprint)
        await ada.steer(paused, "pause")
        await ada.reaches(paused, "paused")
        await ada.ends(other)
        await ada.ends(await ada.begin(blueprint))

        assert (await ada.instance(paused))["status"] == "paused"
        await ada.steer(paused, "resume")
        assert (await ada.ends(paused))["status"] == "completed"

    async def test_keeps_signals_for_later(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(UNTIL_CALLED))
        await ada.waits(id)
        await ada.steer(id, "pause")
        await ada.reaches(id, "paused")

        await ada.steer(id, "signal", name="call", payload=7)
        assert (await ada.instance(id))["status"] == "paused"
        await ada.steer(id, "resume")

        assert (await ada.ends(id))["status"] == "completed"

    async def test_twice_is_once(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(UNTIL_CALLED))
        await ada.waits(id)

        assert (await ada.steer(id, "resume", 200))["changed"] is False
        await ada.steer(id, "pause")
        assert (await ada.steer(id, "pause", 200))["changed"] is False
        await ada.steer(id, "terminate")


class TestTerminating:
    async def test_ends_it_at_once_and_undoes_nothing(self, ada: Api) -> None:
        booking = chain(step("book", compensate="unbook"), nap("nap", 60))
        booking["nodes"].append(step("unbook"))
        id = await begun(ada, await ada.create(booking), "nap")

        await ada.steer(id, "terminate")
        ended = await ada.ends(id)

        assert ended["status"] == "terminated"
        assert "CompensationStarted" not in await ada.told(id)
        assert (await ada.steer(id, "terminate", 200))["changed"] is False

    async def test_ends_the_stream_of_who_watches(self, ada: Api) -> None:
        blueprint = await ada.create(FOREVER)
        async with ada.follow(blueprint) as lines:
            events = [(line := await anext(lines))["event"]]
            await ada.steer(line["instance_id"], "terminate")
            events += [line["event"] async for line in lines]

        assert events[-1] == "InstanceTerminated"

    async def test_is_what_a_waiting_caller_learns(self, ada: Api) -> None:
        blueprint = await ada.create(FOREVER)
        caller = asyncio.create_task(ada.execute(blueprint, key="watched"))
        id = (await ada.execute(blueprint, None, 202, mode="async", key="watched"))["instance_id"]

        await ada.steer(id, "terminate")

        assert (await caller)["status"] == "terminated"


class TestRetrying:
    async def test_goes_on_from_where_it_failed(self, ada: Api) -> None:
        id = await a_failed_run(ada)

        await ada.steer(id, "retry")
        ended = await ada.reaches(id, "completed")

        entries = await ada.logs(id)
        completed = [entry["node_id"] for entry in entries if entry["event"] == "NodeCompleted"]
        assert (ended["status"], ended["error"]) == ("completed", None)
        assert completed == ["start", "before", "shaky", "after"]
        assert [entry["event"] for entry in entries].index("InstanceRetried") > 0

    async def test_begins_a_stream_anew_that_does_not_end_at_the_old_failure(self, ada: Api) -> None:
        id = await a_failed_run(ada, key="again")
        await ada.steer(id, "retry")
        [blueprint] = await ada.pages("/blueprints", owner=ada.user)

        path = f"/blueprints/{blueprint['id']}/stream"
        response = await ada.send("POST", path, json={"input": None}, headers={"Idempotency-Key": "again"})

        events = [line.split('"event":"')[1].split('"')[0] for line in response.text.splitlines()]
        told = ("InstanceFailed", "InstanceRetried", "InstanceCompleted")
        assert [event for event in events if event in told] == list(told)

    async def test_is_for_failed_runs_alone(self, ada: Api) -> None:
        done = await ada.execute(await ada.create(chain(step("tell"))))

        await ada.refused("POST", f"/instances/{done['instance_id']}/retry", 409)


class TestOneNode:
    async def test_is_given_up_while_the_others_go_on(self, ada: Api) -> None:
        id = await begun(ada, await ada.create(fan(nap("stuck", 60), nap("quick", 0.2))), "stuck")

        await ada.ask("POST", f"/instances/{id}/nodes/stuck/cancel", 202)
        ended = await ada.ends(id)

        entries = {(entry["event"], entry["node_id"]) for entry in await ada.logs(id)}
        assert ended["status"] == "completed"
        assert {("NodeCancelled", "stuck"), ("NodeCompleted", "quick")} <= entries

    async def test_must_be_one_where_something_goes_on(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(UNTIL_CALLED))
        await ada.waits(id)

        await ada.refused("POST", f"/instances/{id}/nodes/after/cancel", 409)
        await ada.ask("POST", f"/instances/{id}/nodes/called/cancel", 202)
        await ada.ends(id)


@pytest.mark.parametrize("verb", ["pause", "resume", "terminate", "retry", "signal", "approve", "reject"])
class TestAnOrder:
    async def test_to_a_run_that_has_ended_is_refused(self, ada: Api, verb: str) -> None:
        done = (await ada.execute(await ada.create(chain(step("tell")))))["instance_id"]
        body = {"json": {"name": "x"}} if verb == "signal" else {}

        await ada.refused("POST", f"/instances/{done}/{verb}", 409, **body)

    async def test_to_a_run_that_is_not_there_or_not_ones_own_is_refused_alike(
        self, ada: Api, bob: Api, verb: str
    ) -> None:
        bobs = await bob.begin(await bob.create(FOREVER))
        body = {"json": {"name": "x"}} if verb == "signal" else {}

        for id in (bobs, uuid4()):
            await ada.refused("POST", f"/instances/{id}/{verb}", 404, **body)
        await bob.steer(bobs, "terminate")


class TestAFamily:
    async def test_is_seen_from_both_ends(self, ada: Api) -> None:
        inner = await ada.create(chain(step("tell"), name="inner"))
        outer = await ada.create(chain(step("call", "blueprint", blueprint_id=inner["id"]), name="outer"))
        run = await ada.execute(outer)
        parent = run["instance_id"]

        below = await ada.get(f"/instances/{parent}/lineage")
        assert run["status"] == "completed", run
        [child] = below["children"]
        above = await ada.get(f"/instances/{child['instance_id']}/lineage")

        assert (below["root_id"], below["parent"]) == (parent, None)
        assert (child["blueprint_id"], child["status"], child["node_id"]) == (inner["id"], "completed", "call")
        assert (above["root_id"], above["parent"]["instance_id"], above["children"]) == (parent, parent, [])
