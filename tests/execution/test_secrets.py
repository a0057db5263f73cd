"""Secrets reach the node that acts, and nothing of them reaches anything that is kept, told or shown."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts.blueprint import BlueprintReference
from contracts.execution import ExecutionView, Token
from contracts.message import Caller
from contracts.workflow import Node, WorkflowGraph
from tests.execution.guarded import everything_kept, everything_published, guarded_mill
from tests.support.access_facts import Access
from tests.support.builders import BOB, a_graph, a_node, a_reference
from tests.support.eventually import eventually
from tests.support.lent_databases import LentDatabases
from tests.support.mill import Mill

VALUE = "correct horse/battery+staple"
KEY = "${ secrets.KEY }"
DAN = Caller(user_id="dan", teams=("mill",))
Both = tuple[Mill, Access]


@pytest.fixture
async def both(databases: LentDatabases, nats_url: str, namespace: str, tmp_path: Path) -> AsyncIterator[Both]:
    """Execution at work, and access that tells."""
    async with guarded_mill(databases, nats_url, namespace, tmp_path) as at_work:
        yield at_work


def using(name: str = "use", **policies: Any) -> WorkflowGraph:
    return a_graph("start -> act", "act -> end", a_node("act", "tool", name=name, arguments={"key": KEY}, **policies))


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


async def digest_seen(mill: Mill, blueprint: BlueprintReference, **changed: Any) -> Any:
    """Which value the tool was given."""
    answer = await mill.execute(blueprint, **changed)
    assert answer.status == "completed", answer.error
    return answer.output["act"]["digest"]


async def owned(mill: Mill, graph: WorkflowGraph, **standing: Any) -> BlueprintReference:
    """A blueprint with this owner, team and visibility."""
    reference = a_reference(position=0, **standing)
    await mill.meet(reference, graph)
    return reference


class TestWhoseTheyAre:
    async def test_a_teams_blueprint_reads_the_teams_as_they_are_now(self, both: Both) -> None:
        mill, access = both
        blueprint = await mill.know(using())
        await access.store("KEY", VALUE)
        await access.store("KEY", "alice's own", kind="user", owner="alice")
        assert await digest_seen(mill, blueprint) == digest(VALUE)
        await access.store("KEY", "rotated")

        async def rotated() -> bool:
            return bool(await digest_seen(mill, blueprint, caller=DAN) == digest("rotated"))

        await eventually(rotated)

    async def test_any_other_reads_its_owners_whoever_runs_it(self, both: Both) -> None:
        mill, access = both
        await access.store("KEY", VALUE, kind="user", owner="alice")
        await access.store("KEY", "bob's own", kind="user", owner="bob")
        everybodys = await owned(mill, using(), visibility="public")
        assert await digest_seen(mill, everybodys, caller=BOB) == digest(VALUE)

    async def test_a_private_one_reads_its_owners_whatever_team_it_names(self, both: Both) -> None:
        mill, access = both
        await access.store("KEY", VALUE)
        await access.store("KEY", "alice's own", kind="user", owner="alice")
        private = await owned(mill, using(), team_id="mill")
        assert await digest_seen(mill, private) == digest("alice's own")

    async def test_what_a_team_keeps_to_itself_reads_them_in_the_teams_runs_alone(self, both: Both) -> None:
        mill, access = both
        await access.store("KEY", VALUE)
        for gone in (Caller(user_id="alice"), Caller(user_id="alice", teams=("mill",), roles=("mill:viewer",))):
            error = (await mill.execute(await mill.know(using()), caller=gone)).error
            assert error is not None
            assert (error.code, VALUE in error.message) == ("secret_not_yours", False)
        everybodys = await owned(mill, using(), team_id="mill", visibility="public")
        assert await digest_seen(mill, everybodys, caller=BOB) == digest(VALUE)

    async def test_what_is_not_there_fails_for_good_and_says_how_to_set_it(self, both: Both) -> None:
        mill, access = both
        await access.store("KEY", "bob's own", kind="user", owner="bob")
        blueprint = await owned(mill, using(retry={"max_attempts": 3}), visibility="public")
        error = (await mill.execute(blueprint, caller=BOB)).error
        assert error is not None
        assert (error.type, error.code, error.node_id) == ("permanent", "secret_missing", "act")
        assert "The blueprint's owner has no secret `KEY`" in error.message
        assert "PUT /api/v2/secrets/KEY" in error.message

    async def test_what_is_deleted_is_not_there(self, both: Both) -> None:
        mill, access = both
        await access.store("KEY", VALUE)
        await access.delete("KEY")
        error = (await mill.execute(await mill.know(using()))).error
        assert error is not None
        assert (error.code, "team" in error.message) == ("secret_missing", True)

    async def test_a_run_that_is_asked_for_at_once_waits_for_what_was_just_set(self, both: Both) -> None:
        mill, access = both
        blueprint = await mill.know(using())
        running = asyncio.ensure_future(digest_seen(mill, blueprint))
        await access.store("KEY", VALUE)
        assert await running == digest(VALUE)


class TestWithoutTheRightKey:
    async def test_nothing_is_opened(
        self, databases: LentDatabases, nats_url: str, namespace: str, tmp_path: Path
    ) -> None:
        async with guarded_mill(databases, nats_url, namespace, tmp_path, sealing_key=None) as (mill, access):
            await access.store("KEY", VALUE)
            error = (await mill.execute(await mill.know(using()))).error
            assert error is not None
            assert (error.code, "HEADRACE_SEALING_KEY" in error.message) == ("sealing_key_missing", True)
            plain = await mill.execute(await mill.know(a_graph("start -> act", a_node("act", "tool"))))
            assert plain.status == "completed"


class TestNothingIsLeft:
    async def test_of_a_value_in_anything_that_is_kept_told_or_shown(self, both: Both) -> None:
        mill, access = both
        await access.store("KEY", VALUE)
        heard: list[Token] = []

        async def hear(message: Any) -> None:
            heard.append(Token.model_validate_json(message.data))

        await mill.runtime.bus.nc.subscribe(Token.subject("*", mill.runtime.bus.namespace), cb=hear)
        retry = {"max_attempts": 2, "backoff_seconds": 0}
        ask = a_node("act", "model", provider="offline", model="echo", prompt=f"say {KEY} twice: {KEY}")
        nodes: list[WorkflowGraph] = [
            using(cache={"ttl_seconds": 60}),
            using("refuse", retry=retry),
            using("crash"),
            a_graph("start -> act", ask),
            a_graph("start -> act", calling(KEY)),
        ]
        answers = [await mill.execute(await mill.know(graph)) for graph in nodes]
        assert [answer.status for answer in answers] == ["completed", "failed", "failed", "completed", "failed"]
        assert answers[0].output["act"]["key"] == "***"
        assert [error_of(answer) for answer in answers[1:3]] == [
            ("no-***", "no entry for ***"),
            ("tool_raised", "Tool 'crash' raised RuntimeError: cannot read '***'"),
        ]
        spoken = "".join(token.text for token in heard)
        assert spoken.endswith("you asked: say *** twice: ***")
        assert answers[3].output["act"]["text"] == spoken
        for shown in [*answers, *[await mill.instance(answer.instance_id) for answer in answers]]:
            assert traces_in(shown.model_dump_json()) == []
        assert traces_in(await everything_kept(mill)) == []
        assert traces_in(await everything_published(mill)) == []


def calling(key: str) -> Node:
    """A node that cannot even ask: the address is none."""
    return a_node("act", "http", url=f"http://{key}.invalid:99999/")


def error_of(answer: ExecutionView) -> tuple[str, str]:
    assert answer.error is not None
    return answer.error.code, answer.error.message


def traces_in(text: str) -> list[str]:
    """What of the value stands there, in whichever form."""
    encoded = base64.b64encode(f"user:{VALUE}".encode()).decode()
    forms = [VALUE, "horse/battery", "horse%2Fbattery", "horse%2fbattery", base64.b64encode(VALUE.encode()).decode()]
    return [form for form in (*forms, encoded) if form in text]
