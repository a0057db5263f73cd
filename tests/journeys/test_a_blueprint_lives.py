"""The life of a blueprint as its people see it: made, run, watched, changed, shared, cloned, archived."""

from datetime import datetime

import pytest

from tests.support.api import Api
from tests.support.blueprints import chain, nap, step
from tests.support.eventually import eventually, in_time

FIGURES_SECONDS = 3.0
"""Analytics may lag two seconds; a loaded machine gets one more."""

TWO_STEPS = chain(
    step("double", "transform", output="${ input.amount * 2 }"),
    step("tell", arguments={"amount": "${ nodes.double }"}),
    step("end", "end", output={"said": "${ nodes.tell.amount }"}),
    tags=["journeys"],
)


class TestARun:
    async def test_tells_its_output_and_what_it_took(self, ada: Api) -> None:
        blueprint = await ada.create(TWO_STEPS)

        run = await ada.execute(blueprint, {"amount": 21})

        assert (run["status"], run["output"], run["error"]) == ("completed", {"said": 42}, None)
        assert set(run["metrics"]["node_execution_times"]) == {"start", "double", "tell", "end"}
        assert (run["metrics"]["nodes_executed"], run["metrics"]["tool_calls"]) == (4, 1)

    async def test_can_be_read_afterwards(self, ada: Api) -> None:
        blueprint = await ada.create(TWO_STEPS)
        asked = {"conversation_id": "talk", "metadata": {"ticket": 7}}

        run = await ada.execute(blueprint, {"amount": 21}, **asked)
        found = await ada.instance(run["instance_id"])

        assert found["id"] == run["instance_id"]
        assert (found["blueprint_id"], found["blueprint_version"]) == (blueprint["id"], 1)
        assert (found["input"], found["output"], found["metrics"]) == ({"amount": 21}, run["output"], run["metrics"])
        assert {name: found[name] for name in asked} == asked
        assert found["created_at"] <= found["started_at"] <= found["completed_at"]
        assert found["user_id"] == ada.user

    async def test_that_is_not_waited_for_goes_on_by_itself(self, ada: Api) -> None:
        blueprint = await ada.create(chain(nap("nap", 0.3)))

        answer = await ada.send("POST", f"/blueprints/{blueprint['id']}/execute?mode=async", json={})
        begun = answer.json()

        assert answer.status_code == 202
        assert answer.headers["Location"] == f"/api/v2/instances/{begun['instance_id']}"
        assert begun["status"] in {"pending", "running"}
        assert (await ada.ends(begun["instance_id"]))["status"] == "completed"

    async def test_that_outlasts_the_patience_of_its_caller_answers_202_and_goes_on(self, ada: Api) -> None:
        blueprint = await ada.create(chain(nap("nap", 1.0)))

        answer = await ada.execute(blueprint, expect=202, config={"wait_seconds": 0.2})

        assert answer["status"] == "running"
        assert (await ada.ends(answer["instance_id"]))["status"] == "completed"

    async def test_that_fails_is_an_answer_and_not_an_error(self, ada: Api) -> None:
        refusal = {"error_type": "permanent", "message": "The wheel is stuck."}
        blueprint = await ada.create(chain(step("break", name="fail", arguments=refusal)))

        run = await ada.execute(blueprint)

        assert run["status"] == "failed"
        assert run["error"]["type"] == "permanent"
        assert (run["error"]["node_id"], run["error"]["message"]) == ("break", "The wheel is stuck.")

    async def test_whose_node_fails_for_a_while_is_tried_again(self, ada: Api) -> None:
        shaky = {"error_type": "transient", "message": "Not yet.", "times": 2}
        retry = {"max_attempts": 3, "backoff_seconds": 0.01}
        blueprint = await ada.create(chain(step("shaky", name="fail", arguments=shaky, retry=retry)))

        run = await ada.execute(blueprint)

        assert run["status"] == "completed"
        assert run["metrics"]["retries"] == 2
        assert (await ada.told(run["instance_id"])).count("NodeRetryScheduled") == 2

    async def test_waits_without_a_worker_and_wakes_in_time(self, ada: Api) -> None:
        blueprint = await ada.create(chain(step("wait", "delay", seconds=0.6), step("tell")))

        async def waited() -> float:
            instance_id = await ada.begin(blueprint)
            waiting = await ada.reaches(instance_id, "waiting")
            ended = await ada.ends(instance_id)
            took = datetime.fromisoformat(ended["completed_at"]) - datetime.fromisoformat(ended["created_at"])
            assert waiting["completed_at"] is None
            assert took.total_seconds() >= 0.6
            return took.total_seconds()

        await in_time(3.0, waited)


class TestAWatchedRun:
    async def test_says_every_fact_once_and_in_order(self, ada: Api) -> None:
        blueprint = await ada.create(TWO_STEPS)

        lines = await ada.stream(blueprint, {"amount": 1})
        logs = await ada.logs(lines[0]["instance_id"])

        assert (lines[0]["event"], lines[-1]["event"]) == ("InstanceRequested", "InstanceCompleted")
        assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
        assert [(line["seq"], line["event"]) for line in lines] == [(entry["seq"], entry["event"]) for entry in logs]

    async def test_is_seen_while_it_happens(self, ada: Api) -> None:
        blueprint = await ada.create(chain(nap("nap", 30)))

        async with ada.follow(blueprint) as lines:
            begun = await anext(line async for line in lines if line["event"] == "NodeStarted")
            instance = await ada.instance(begun["instance_id"])
            await ada.ask("POST", f"/instances/{begun['instance_id']}/cancel", 202)
            last = [line async for line in lines][-1]

        assert begun["data"]["node_id"] == "nap"
        assert instance["status"] == "running"
        assert last["event"] == "InstanceCancelled"

    async def test_goes_on_when_nobody_watches_any_more(self, ada: Api) -> None:
        blueprint = await ada.create(chain(nap("nap", 0.5)))

        async with ada.follow(blueprint) as lines:
            instance_id = (await anext(lines))["instance_id"]

        assert (await ada.ends(instance_id))["status"] == "completed"


class TestFigures:
    async def test_count_every_run_of_a_blueprint_and_of_a_person(self, ada: Api) -> None:
        blueprint = await ada.create(chain(step("tell"), step("maybe", name="fail", arguments="${ input }")))
        runs = [await ada.execute(blueprint, {"times": times}) for times in (0, 0, 0, 5)]
        ended = max([(await ada.instance(run["instance_id"]))["completed_at"] for run in runs])
        counted = {"total": 4, "completed": 3, "failed": 1, "cancelled": 0}

        async def analytics() -> dict:
            found = await ada.get(f"/blueprints/{blueprint['id']}/analytics")
            assert found["as_of"] >= ended
            return found

        found = await eventually(analytics, FIGURES_SECONDS)
        usage = await ada.get("/analytics/usage")

        assert found["executions"] == usage["executions"] == counted
        assert found["success_rate"] == pytest.approx(0.75)
        assert {node["node_id"]: node["runs"] for node in found["slowest_nodes"]} == {"start": 4, "tell": 4, "maybe": 4}
        taken = sorted(run["metrics"]["execution_time_ms"] for run in runs)
        assert found["duration_ms"]["avg"] == pytest.approx(sum(taken) / 4)
        assert found["duration_ms"]["p99"] == pytest.approx(taken[-1], rel=0.05)
        assert [(row["blueprint_id"], row["executions"]) for row in usage["by_blueprint"]] == [(blueprint["id"], 4)]
        assert sum(day["executions"] for day in usage["by_day"]) == 4

    async def test_of_a_window_without_runs_are_zero_and_unknown(self, ada: Api) -> None:
        blueprint = await ada.create(TWO_STEPS)
        window = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}

        found = await ada.get(f"/blueprints/{blueprint['id']}/analytics", **window)

        assert (found["from"], found["to"]) == ("2020-01-01T00:00:00.000Z", "2020-01-02T00:00:00.000Z")
        assert found["executions"] == {"total": 0, "completed": 0, "failed": 0, "cancelled": 0}
        assert (found["success_rate"], found["duration_ms"]["p50"], found["cost"]) == (None, None, 0)
        assert found["slowest_nodes"] == []
