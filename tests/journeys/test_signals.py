"""What people and systems tell a run: signals that come early or late, by name or by key, and decisions."""

import asyncio

import pytest

from tests.support.api import Api, Json
from tests.support.blueprints import chain, step

CALLED = chain(step("called", "signal", name="call"), step("end", "end", output="${ nodes.called }"), name="called")
KEYED = chain(
    step("paid", "signal", name="paid", key="${ input.order }"),
    step("end", "end", output="${ nodes.paid }"),
    name="keyed",
)
FORM = {"type": "object", "properties": {"limit": {"type": "number"}}, "required": ["limit"]}


def approval(**config: object) -> Json:
    """A run that waits for one decision and answers with it."""
    return chain(
        step("review", "approval", title="Order ${ input.order }", form=FORM, **config),
        step("end", "end", output="${ nodes.review }"),
        name="approval",
    )


ORDER = {"order": "A-1"}


class TestASignal:
    async def test_lets_a_waiting_run_go_on_with_its_payload(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(CALLED))
        [wait] = await ada.waits(id)

        sent = await ada.steer(id, "signal", name="call", payload={"a": [1, None]})
        ended = await ada.ends(id)

        assert (wait["node_id"], wait["kind"], wait["name"], wait["key"]) == ("called", "signal", "call", None)
        assert sent["instance_id"] == id
        assert (ended["status"], ended["output"]) == ("completed", {"a": [1, None]})

    async def test_may_come_before_anybody_waits(self, ada: Api) -> None:
        slow = chain(step("first", "delay", seconds=0.3), *CALLED["nodes"][1:], name="slow")
        id = await ada.begin(await ada.create(slow))

        await ada.steer(id, "signal", name="call", payload="early")

        assert (await ada.ends(id))["output"] == "early"

    async def test_of_another_name_changes_nothing(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(CALLED))
        await ada.waits(id)

        await ada.steer(id, "signal", name="whistle")
        await ada.steer(id, "signal", name="call", payload=2)

        assert (await ada.ends(id))["output"] == 2

    async def test_with_a_key_is_one_signal_however_often_it_is_sent(self, ada: Api) -> None:
        twice = chain(
            step("one", "signal", name="call"),
            step("two", "signal", name="call"),
            step("end", "end", output="${ [nodes.one, nodes.two] }"),
        )
        id = await ada.begin(await ada.create(twice))

        first = await ada.steer(id, "signal", name="call", payload=1, key="k")
        again = await asyncio.gather(*(ada.steer(id, "signal", name="call", payload=1, key="k") for _ in range(3)))
        await ada.steer(id, "signal", name="call", payload=2)

        assert again == [first] * 3
        assert (await ada.ends(id))["output"] == [1, 2]

    async def test_with_a_key_that_said_something_else_is_refused(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(CALLED))
        await ada.steer(id, "signal", name="whistle", payload=1, key="k")

        body = {"json": {"name": "whistle", "payload": 2}, "headers": {"Idempotency-Key": "k"}}
        await ada.refused("POST", f"/instances/{id}/signal", 409, **body)
        await ada.steer(id, "terminate")


class TestASignalByKey:
    @staticmethod
    async def post(api: Api, blueprint: Json, key: str, payload: object, expect: int = 202) -> Json:
        body = {"name": "paid", "key": key, "payload": payload}
        answer: Json = await api.ask("POST", f"/blueprints/{blueprint['id']}/signals", expect, json=body)
        return answer

    async def test_reaches_whoever_waits_for_it(self, ada: Api) -> None:
        blueprint = await ada.create(KEYED)
        one, two = await ada.begin(blueprint, {"order": "1"}), await ada.begin(blueprint, {"order": "2"})
        await ada.waits(one)
        [wait] = await ada.waits(two)

        sent = await self.post(ada, blueprint, "2", "cash")

        assert (wait["key"], sent["instance_id"]) == ("2", two)
        assert (await ada.ends(two))["output"] == "cash"
        assert (await ada.instance(one))["status"] == "waiting"
        await ada.steer(one, "terminate")

    async def test_is_kept_for_the_first_who_will(self, ada: Api) -> None:
        blueprint = await ada.create(KEYED)

        kept = await self.post(ada, blueprint, "3", "early")
        ended = await ada.execute(blueprint, {"order": "3"})

        assert kept["instance_id"] is None
        assert ended["output"] == "early"

    async def test_goes_to_one_of_several(self, ada: Api) -> None:
        blueprint = await ada.create(KEYED)
        runs = [await ada.begin(blueprint, {"order": "4"}) for _ in range(2)]
        for run in runs:
            await ada.waits(run)

        taken = [(await self.post(ada, blueprint, "4", payload))["instance_id"] for payload in ("a", "b")]

        assert sorted(taken) == sorted(runs)
        assert [(await ada.ends(run))["output"] for run in taken] == ["a", "b"]

    async def test_needs_a_blueprint_that_one_sees_and_that_lives(self, ada: Api, bob: Api) -> None:
        bobs, archived = await bob.create(KEYED), await ada.create(KEYED)
        await ada.ask("DELETE", f"/blueprints/{archived['id']}", 204)

        await self.post(ada, bobs, "5", None, 404)
        await self.post(ada, archived, "5", None, 409)


class TestAnApproval:
    async def test_says_what_is_asked_and_answers_with_what_was_decided(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(approval(deadline_seconds=3600)), ORDER)
        [wait] = await ada.waits(id)

        await ada.steer(id, "approve", 200, form={"limit": 2000}, comment="Known.")
        ended = await ada.ends(id)

        assert (wait["kind"], wait["title"], wait["form"]) == ("approval", "Order A-1", FORM)
        assert wait["due_at"] is not None
        assert ended["output"] == {"approved": True, "by": ada.user, "comment": "Known.", "form": {"limit": 2000}}

    async def test_that_is_rejected_fails_the_run(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(approval()), ORDER)
        await ada.waits(id)

        await ada.steer(id, "reject", 200, comment="No.")
        ended = await ada.ends(id)

        assert (ended["status"], ended["error"]["type"], ended["error"]["node_id"]) == ("failed", "rejected", "review")

    async def test_may_leave_a_rejection_to_the_edges(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(approval(on_reject="continue")), ORDER)
        await ada.waits(id)

        await ada.steer(id, "reject", 200, node_id="review")

        assert (await ada.ends(id))["output"]["approved"] is False

    @pytest.mark.parametrize("form", [None, {}, {"limit": "high"}])
    async def test_needs_the_form_that_it_asks_for(self, ada: Api, form: object) -> None:
        id = await ada.begin(await ada.create(approval()), ORDER)
        await ada.waits(id)

        await ada.refused("POST", f"/instances/{id}/approve", 422, json={"form": form})
        await ada.steer(id, "terminate")

    async def test_is_for_those_whom_it_names(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(approval(approvers={"users": ["somebody else"]})), ORDER)
        await ada.waits(id)

        await ada.refused("POST", f"/instances/{id}/approve", 403, json={"form": {"limit": 1}})
        await ada.steer(id, "terminate")

    async def test_that_nobody_asked_for_is_refused(self, ada: Api) -> None:
        id = await ada.begin(await ada.create(CALLED))
        await ada.waits(id)

        await ada.refused("POST", f"/instances/{id}/approve", 409)
        await ada.refused("POST", f"/instances/{id}/reject", 409, json={"node_id": "called"})
        await ada.steer(id, "terminate")
