"""Lists over HTTP: pages that stay stable, filters that mean what they say, and keys that make one run of many asks."""

import asyncio

import pytest

from tests.support.api import Api
from tests.support.blueprints import chain, nap, step


def named(name: str, **body: object) -> dict:
    """The smallest blueprint of that name."""
    return chain(step("tell"), name=name, **body)


async def names(api: Api, **query: object) -> list[str]:
    """The names of the person's own blueprints that a filter leaves, newest first."""
    return [found["name"] for found in await api.pages("/blueprints", owner=api.user, **query)]


class TestPages:
    async def test_show_everything_once_newest_first_whatever_is_added_meanwhile(self, ada: Api) -> None:
        for number in range(7):
            await ada.create(named(str(number)))
        first = await ada.get("/blueprints", limit=3, owner=ada.user)
        await ada.create(named("newer"))

        rest = await ada.pages("/blueprints", limit=3, owner=ada.user, cursor=first["next_cursor"])

        assert [found["name"] for found in first["items"] + rest] == ["6", "5", "4", "3", "2", "1", "0"]
        assert all(found["node_count"] == 2 for found in rest)

    async def test_of_runs_do_the_same(self, ada: Api) -> None:
        blueprint = await ada.create(named("run often"))
        ran = [(await ada.execute(blueprint, number))["instance_id"] for number in range(5)]

        listed = await ada.pages("/instances", limit=2)

        assert [found["id"] for found in listed] == ran[::-1]
        assert [found["input"] for found in listed] == [4, 3, 2, 1, 0]

    @pytest.mark.parametrize("path", ["/blueprints", "/templates", "/instances"])
    @pytest.mark.parametrize("query", [{"cursor": "bm8"}, {"limit": 0}, {"limit": 201}, {"limit": "x"}, {"colour": 1}])
    async def test_refuse_what_they_cannot_read(self, ada: Api, path: str, query: dict) -> None:
        await ada.refused("GET", path, 400, params=query)

    async def test_of_a_log_go_on_after_what_was_seen(self, ada: Api) -> None:
        run = await ada.execute(await ada.create(chain(*(step(f"step{number}") for number in range(5)))))
        path = run["instance_id"]

        whole = await ada.logs(path)
        by_threes = await ada.logs(path, limit=3)
        tail = await ada.logs(path, after=whole[-3]["seq"])

        assert by_threes == whole
        assert tail == whole[-2:]
        assert [entry["seq"] for entry in whole] == sorted(entry["seq"] for entry in whole)

    async def test_of_a_log_show_one_level(self, ada: Api) -> None:
        run = await ada.execute(await ada.create(chain(step("break", name="fail"))))

        errors = await ada.logs(run["instance_id"], level="error")

        assert {entry["level"] for entry in errors} == {"error"}
        assert "NodeFailed" in {entry["event"] for entry in errors}


class TestFilters:
    async def test_find_blueprints(self, ada: Api, team: str) -> None:
        await ada.create(named("plain"))
        await ada.create(named("tagged", tags=["wet", "cold"]))
        await ada.create(named("template", is_template=True))
        await ada.create(named("shared", visibility="team", team_id=team))
        await ada.create(chain(step("wait", "delay", seconds=0), name="waits", description="Seven swans."))

        assert await names(ada, tag="cold") == ["tagged"]
        assert await names(ada, is_template="true") == ["template"]
        assert await names(ada, team=team) == ["shared"]
        assert await names(ada, node_type="delay") == ["waits"]
        assert await names(ada, q="swan") == ["waits"]
        assert await names(ada, q="swan", tag="cold") == []

    async def test_find_runs(self, ada: Api) -> None:
        good, bad = await ada.create(named("good")), await ada.create(chain(step("break", name="fail")))
        first = (await ada.execute(good, conversation_id="a"))["instance_id"]
        second = (await ada.execute(bad, conversation_id="b"))["instance_id"]
        third = (await ada.execute(good, conversation_id="b"))["instance_id"]
        created = (await ada.instance(second))["created_at"]

        async def found(**query: object) -> list[str]:
            return [instance["id"] for instance in await ada.pages("/instances", **query)]

        assert await found() == [third, second, first]
        assert await found(status="failed") == [second]
        assert await found(blueprint_id=good["id"]) == [third, first]
        assert await found(conversation_id="b") == [third, second]
        assert await found(since=created) == [third, second]
        assert await found(until=created) == [first]
        assert await found(conversation_id="b", status="completed") == [third]


class TestAnIdempotencyKey:
    async def test_makes_one_run_of_repeated_requests(self, ada: Api) -> None:
        blueprint = await ada.create(named("once"))

        first = await ada.execute(blueprint, {"n": 1}, key="k-1")
        again = await ada.execute(blueprint, {"n": 1}, key="k-1")
        unwaited = await ada.execute(blueprint, {"n": 1}, 202, key="k-1", mode="async")

        assert again == first
        assert unwaited["instance_id"] == first["instance_id"]
        assert len(await ada.pages("/instances")) == 1

    async def test_makes_concurrent_requests_wait_for_the_first(self, ada: Api) -> None:
        blueprint = await ada.create(chain(nap("nap", 0.3)))

        answers = await asyncio.gather(*(ada.execute(blueprint, key="k-1") for _ in range(8)))

        assert all(answer == answers[0] for answer in answers)
        assert answers[0]["status"] == "completed"
        assert len(await ada.pages("/instances")) == 1

    async def test_streams_the_run_that_it_names_from_its_beginning(self, ada: Api) -> None:
        blueprint = await ada.create(named("once"))
        path, headers = f"/blueprints/{blueprint['id']}/stream", {"Idempotency-Key": "k-1"}
        run = await ada.execute(blueprint, {}, key="k-1")

        answer = await ada.send("POST", path, json={"input": {}}, headers=headers)

        assert answer.headers["X-Instance-Id"] == run["instance_id"]
        assert len(answer.text.splitlines()) == len(await ada.logs(run["instance_id"]))

    async def test_stands_for_one_content(self, ada: Api) -> None:
        blueprint = await ada.create(named("once"))
        await ada.execute(blueprint, {"n": 1}, key="k-1")

        path, headers = f"/blueprints/{blueprint['id']}/execute", {"Idempotency-Key": "k-1"}
        await ada.refused("POST", path, 409, "idempotency_key_reused", json={"input": {"n": 2}}, headers=headers)

        assert len(await ada.pages("/instances")) == 1

    async def test_is_its_owners_alone(self, ada: Api, bob: Api) -> None:
        blueprint = await ada.create(named("to all", visibility="public"))

        hers = await ada.execute(blueprint, key="k-1")
        his = await bob.execute(blueprint, key="k-1")

        assert hers["instance_id"] != his["instance_id"]
