"""Blueprints that run blueprints, as their owners see it: who may run what, which version, who belongs to whom."""

from typing import Any

import pytest

from tests.support.api import Api, Json
from tests.support.blueprints import chain, step


def says(word: str, **body: Any) -> Json:
    """Answers with this word."""
    return chain(step("end", "end", output=word), name="says", **body)


def calling(blueprint: Json, **config: Any) -> Json:
    """Runs the other one, and answers what it answers."""
    call = step("call", "blueprint", blueprint_id=blueprint["id"], **config)
    return chain(call, step("end", "end", output="${ nodes.call }"), name="calling")


class TestTheVersion:
    async def test_is_the_one_that_was_saved_a_moment_ago(self, ada: Api) -> None:
        child = await ada.create(says("first"))
        parent = await ada.create(calling(child))
        for word in ("second", "third", "fourth"):
            await ada.ask("PUT", f"/blueprints/{child['id']}", json=says(word))
            assert (await ada.execute(parent))["output"] == word

    async def test_stays_where_it_is_pinned(self, ada: Api) -> None:
        child = await ada.create(says("first"))
        parent = await ada.create(calling(child, version=1))
        await ada.ask("PUT", f"/blueprints/{child['id']}", json=says("second"))
        assert (await ada.execute(parent))["output"] == "first"


class TestWhoMayRunIt:
    @pytest.mark.parametrize(("visibility", "status"), [("private", "failed"), ("public", "completed")])
    async def test_is_for_its_owner_to_say(self, ada: Api, bob: Api, visibility: str, status: str) -> None:
        child = await bob.create(says("bob's", visibility=visibility))
        assert (await ada.execute(await ada.create(calling(child))))["status"] == status

    async def test_changes_at_once(self, ada: Api, bob: Api) -> None:
        child = await bob.create(says("bob's", visibility="public"))
        parent = await ada.create(calling(child))
        assert (await ada.execute(parent))["output"] == "bob's"
        await bob.ask("PUT", f"/blueprints/{child['id']}", json=says("bob's", visibility="private"))
        assert (await ada.execute(parent))["error"]["code"] == "blueprint_not_found"

    async def test_is_nobody_once_it_is_archived(self, ada: Api) -> None:
        child = await ada.create(says("gone"))
        parent = await ada.create(calling(child))
        await ada.ask("DELETE", f"/blueprints/{child['id']}", 204)
        error = (await ada.execute(parent))["error"]
        assert (error["type"], error["code"], error["node_id"]) == ("permanent", "archived", "call")


async def test_a_lineage_goes_both_ways(ada: Api) -> None:
    child = await ada.create(says("hello"))
    run = await ada.execute(await ada.create(calling(child)), conversation_id="talk", metadata={"order": 7})

    above = await ada.get(f"/instances/{run['instance_id']}/lineage")
    [started] = above["children"]
    below = await ada.get(f"/instances/{started['instance_id']}/lineage")

    assert (started["node_id"], started["blueprint_id"]) == ("call", child["id"])
    assert below["parent"]["instance_id"] == below["root_id"] == run["instance_id"]
    seen = await ada.instance(started["instance_id"])
    assert (seen["conversation_id"], seen["metadata"]) == ("talk", {"order": 7})


async def test_whoever_stops_the_parent_stops_the_child(ada: Api) -> None:
    child = await ada.create(chain(step("go", "signal", name="go"), name="waits"))
    run = await ada.begin(await ada.create(calling(child)))
    await ada.reaches(run, "waiting")
    [started] = (await ada.get(f"/instances/{run}/lineage"))["children"]

    await ada.steer(run, "cancel")

    stopped = await ada.reaches(started["instance_id"], "cancelled")
    assert stopped["error"] == {
        "type": "cancelled",
        "code": "cancelled",
        "message": "Cancelled by parent.",
        "node_id": None,
    }
