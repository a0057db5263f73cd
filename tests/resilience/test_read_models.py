"""Read models are disposable: after hundreds of mixed runs each is emptied, made anew, and equals what it was."""

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import pytest
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from blueprint.projections import BlueprintsProjection
from execution.projections import Instances, KnownVersions
from metrics.projections import BlueprintNames, Executions
from tests.resilience.conftest import House
from tests.support.api import Api, user_of
from tests.support.blueprints import chain, fan, nap, passes, step
from tests.support.databases import at_rest, fetch, heads, last_milestone

RUNS = 520
AT_ONCE = 24
PRICES = {"offline": {"prompt": 0.1234567, "completion": 1.7000001}}
READ_MODELS = {
    "blueprint": (BlueprintsProjection,),
    "execution": (Instances, KnownVersions),
    "metrics": (Executions, BlueprintNames),
}
Dump = dict[str, list[str]]

BODIES = {
    "plain": chain(
        step("count", "variable", operation="increment", name="n"),
        step("tell", arguments="${ {'x': input.x, 'n': vars.n} }"),
        step("end", "end", output="${ nodes.tell }"),
    ),
    "side by side": fan(*(step(f"branch{number}") for number in range(5))),
    "shaky": chain(step("shaky", name="fail", arguments="${ input }", retry={"max_attempts": 3, "backoff_seconds": 0})),
    "waiting": chain(step("wait", "delay", seconds="${ input.x / 100.0 }"), step("tell")),
    "speaking": chain(step("ask", "model", provider="offline", prompt="${ string(input.x) }")),
    "remembered": chain(step("tell"), config={"cache": {"ttl_seconds": 600}}),
    "called off": chain(nap("nap", 60), step("never")),
    "stopped": chain(nap("nap", 60), step("never")),
    "held": chain(step("called", "signal", name="call"), step("tell")),
    "signalled": chain(step("called", "signal", name="call"), step("tell", arguments="${ nodes.called }")),
    "mended": chain(step("tell"), step("shaky", name="fail", arguments={"times": 1})),
    "item by item": chain(
        step("each", "map", items="${ [input.x, 2, 3] }", body=passes(step("one", arguments="${ {'item': item} }"))),
        step("tell", arguments="${ {'count': nodes.each.count} }"),
    ),
}
STEERED = {
    "called off": (("cancel", {}),),
    "stopped": (("terminate", {}),),
    "held": (("pause", {}), ("resume", {}), ("signal", {"name": "call"})),
    "signalled": (("signal", {"name": "call", "payload": {"x": 1}}),),
}
"""Orders that a run of this kind gets as soon as it has begun."""
INPUTS = {"shaky": lambda x: {"times": x % 5, "error_type": "transient"}, "remembered": lambda x: {"x": x % 3}}


@pytest.fixture(scope="module")
def environment() -> Mapping[str, str]:
    """The offline provider costs something here, so that there are sums of money to compare."""
    return {"HEADRACE_MODEL_PRICES": json.dumps(PRICES)}


@pytest.fixture(scope="module")
def used(house: House) -> House:
    """The house after hundreds of runs of every kind, and after blueprints have changed in every way."""
    asyncio.run(use(house))
    return house


async def use(house: House) -> None:
    """Run and change whatever there is."""
    chance = random.Random(5)
    turns = asyncio.Semaphore(AT_ONCE)
    async with user_of(house.up, "ada", ["mill"]) as ada, user_of(house.up, "bob", ["mill"]) as bob:
        people = (ada, bob)
        made = {name: await ada.create(body | {"name": name, "visibility": "public"}) for name, body in BODIES.items()}
        family = chain(step("call", "blueprint", blueprint_id=made["shaky"]["id"], input="${ {'times': input.x % 5} }"))
        made["calling"] = await ada.create(family | {"name": "calling", "visibility": "public"})

        async def live(number: int) -> None:
            async with turns:
                await run(chance.choice(people), chance.choice(list(made)), number, made)

        await asyncio.gather(*(live(number) for number in range(RUNS)), change_blueprints(ada, bob))
        await at_rest(house.up, timeout=60)


async def run(person: Api, name: str, number: int, made: Mapping[str, dict]) -> None:
    """One run of a kind, to its end."""
    input = INPUTS.get(name, lambda x: {"x": x})(number % 20)
    about = {"conversation_id": f"talk {number % 7}", "metadata": {"number": number}}
    if name in STEERED:
        instance_id = await person.begin(made[name], input, **about)
        for verb, body in STEERED[name]:
            await person.steer(instance_id, verb, **body)
    else:
        ended = await person.execute(made[name], input, **about)
        if name == "mended" and number % 4:
            await person.steer(ended["instance_id"], "retry")


async def change_blueprints(ada: Api, bob: Api) -> None:
    """Versions, shares, clones and archives."""
    for number in range(12):
        body = BODIES["plain"] | {"name": f"changing {number}", "tags": [f"tag {number % 3}"]}
        blueprint = await ada.create(body | {"is_template": number % 2 == 0, "visibility": "public"})
        path = f"/blueprints/{blueprint['id']}"
        shared = {"visibility": "team", "team_id": "mill", "is_template": number % 2 == 0}
        await ada.ask("PUT", path, json=BODIES["side by side"] | {"name": f"changed {number}"} | shared)
        if number % 2 == 0:
            await bob.ask("POST", f"{path}/clone", 201, json={"name": f"clone {number}"})
        if number % 3 == 0:
            await ada.ask("DELETE", path, 204)


async def dump(house: House, service: str) -> Dump:
    """Every row of a service's read model."""
    tables = [table for projection in READ_MODELS[service] for table in projection.tables]
    return {table: sorted(map(str, await fetch(house.up, service, f"SELECT * FROM {table}"))) for table in tables}


async def empty(house: House, service: str) -> None:
    """Delete every row of a service's read model."""
    tables = [table for projection in READ_MODELS[service] for table in projection.tables]
    await fetch(house.up, service, f"TRUNCATE {', '.join(tables)}")


async def test_the_runs_were_mixed(used: House) -> None:
    rows = await fetch(
        used.up,
        "execution",
        "SELECT status, retries > 0, cache_hits > 0, cost > 0, parent_id, parent_told FROM workflow_instances",
    )

    statuses = Counter(status for status, *_ in rows)
    children = [row for row in rows if row[-2] is not None]
    assert len(rows) == RUNS + len(children)
    assert len(children) >= 20
    assert all(told for *_, told in children)
    assert set(statuses) == {"completed", "failed", "cancelled", "terminated"}
    assert all(count >= 20 for count in statuses.values()), statuses
    assert all(any(row[column] for row in rows) for column in (1, 2, 3))


@pytest.mark.parametrize("service", READ_MODELS)
async def test_a_read_model_that_was_emptied_and_made_anew_is_the_same(used: House, service: str) -> None:
    before = await dump(used, service)
    await empty(used, service)
    command = [sys.executable, "-m", "headrace", "rebuild", service, "--json", "--data-dir", str(used.data_dir)]

    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    ends, reached = await heads(used.up), json.loads(done.stdout)
    assert set(reached) >= {projection.name for projection in READ_MODELS[service]}
    for projection in READ_MODELS[service]:
        # Whoever follows milestones is sent no more of another's ledger than the last of them.
        last = await last_milestone(used.up, projection.source) if projection.source != service else ends[service]
        assert last <= reached[projection.name] <= ends[projection.source], projection.name
    assert await dump(used, service) == before
    assert all(before.values()), "there was something to compare"


async def test_a_service_whose_read_model_was_made_anew_goes_on(used: House) -> None:
    async with user_of(used.up) as anew:
        run = await anew.execute(await anew.create(BODIES["plain"]), {"x": 1})

        assert run["output"] == {"x": 1, "n": 1}
        await at_rest(used.up)
        assert (await anew.get("/analytics/usage"))["executions"]["total"] == 1


async def test_the_figures_are_the_sums_of_the_runs(used: House) -> None:
    async with user_of(used.up, "ada", ["mill"]) as ada:
        usage = await ada.get("/analytics/usage")
    query = "SELECT status, prompt_tokens, completion_tokens, cost FROM workflow_instances WHERE user_id = 'ada'"
    rows = await fetch(used.up, "execution", query)

    counted = Counter("cancelled" if status == "terminated" else status for status, *_ in rows)
    assert usage["executions"] == {
        "total": len(rows),
        **{name: counted[name] for name in ("completed", "failed", "cancelled")},
    }
    assert usage["tokens"]["prompt"] == sum(row[1] for row in rows)
    assert usage["tokens"]["completion"] == sum(row[2] for row in rows)
    assert Decimal(str(usage["cost"])) == sum(row[3] for row in rows) > 0
    assert Decimal(str(usage["cost"])) == sum(Decimal(str(row["cost"])) for row in usage["by_blueprint"])


@pytest.mark.parametrize("service", ["blueprint", "execution"])
async def test_the_library_that_laid_out_the_ledger_reads_it_as_it_is(used: House, service: str) -> None:
    address = conninfo_to_dict(used.up.state["postgres_dsns"][service])
    place = {name: str(address[name]) for name in ("dbname", "host", "user", "password")}
    datastore = PostgresDatastore(**place, port=int(address.get("port", 5432)), schema=service)
    recorder = PostgresApplicationRecorder(datastore, events_table_name="events")
    events = await fetch(
        used.up, service, "SELECT originator_id, originator_version, topic, state FROM events ORDER BY notification_id"
    )

    def read() -> list[tuple]:
        found = recorder.select_notifications(start=1, limit=len(events) + 1)
        return [(one.originator_id, one.originator_version, one.topic, one.state) for one in found]

    assert await asyncio.to_thread(read) == events
    [last] = await asyncio.to_thread(recorder.select_events, events[-1][0], desc=True, limit=1)
    assert last.originator_version == max(version for stream, version, *_ in events if stream == events[-1][0])
    assert recorder.max_notification_id() == (await heads(used.up))[service]
    datastore.close()
