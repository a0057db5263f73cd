"""Every example on every executor: the same facts, or a refusal that names the reason."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import yaml
from typer.main import get_command

from headrace import cli
from headrace.blueprint_file import load_blueprint
from headrace.client import Headrace
from headrace.embedded.secrets import read_secrets
from headrace.errors import ProblemError
from headrace.following import entries
from headrace.tokens import sign
from tests.support.examples import Shown, examples, shown
from tests.support.stacks import Up

PATIENCE_SECONDS = 60.0
SHOWN = [next(shown(file)) for file in examples()]
REFUSED = {
    "cancel_node": "gives up other nodes",
    "join_any": "visited before all live branches have come (`any`)",
    "join_cancel_rest": "withdraws the branches that have not come",
    "join_n_of_m": "visited before all live branches have come (`n_of_m`)",
    "split_inclusive": "joins branches of which some may be taken and others not",
}
"""What LangGraph cannot express."""
FIRST_COME = {"cancel_node", "end_at_once", "join_any", "join_cancel_rest", "join_n_of_m", "map_until_enough"}
"""Whoever is first decides here how far the others get; one after the other, nobody is under way beside."""
ENDS = ("InstanceCompleted", "InstanceFailed", "InstanceRetryScheduled")
ASIDE = ("NodeThrottled", "CacheAwaited", "CacheMissed", "SectionRequested", "SectionEntered", "SectionLeft")
COMPARED = ("visit", "attempt", "scope", "output", "taken", "items", "index", "label", "reason", "value", "compensated")
"""Members of facts that are the same in each run; times, ids and durations are not."""


class Runner:
    """Runs an example as its head says, on an executor of ours."""

    def __init__(self, stack: Up, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        secrets = read_secrets(stack.data_dir)
        assert secrets is not None
        self.secrets = secrets

    def run(self, command: Shown, executor: str) -> "Ran":
        """By somebody who has run nothing before, so that no memory and no limit is in the way."""
        user = f"reader-{token_hex(6)}"
        body = load_blueprint(command.file)
        body["config"] = {**body.get("config", {}), "executor": executor}
        file = self.folder / f"{executor}.yaml"
        file.write_text(yaml.safe_dump(body))
        where = ("--data-dir", str(self.stack.data_dir), "--user", user)
        refusal = ""
        try:
            # Not `cli.main`: the arguments of the process are the same for all who run at once.
            get_command(cli.app).main(["run", str(file), *command.options, *where], standalone_mode=False)
        except ProblemError as problem:
            refusal = str(problem)
        with Headrace(str(self.stack.state["url"]), sign(self.secrets.jwt, user)) as client:
            newest = next(iter(client.instances()), None)
            told = list(entries(client, str(newest["id"]))) if newest else []
        return Ran(refusal, told, user)


class Ran:
    """What is recorded of a run."""

    def __init__(self, refusal: str, told: list[dict[str, Any]], user: str) -> None:
        self.refusal = refusal
        self.told = told
        self.user = user

    def story(self) -> Counter[str]:
        """Its facts, node by node, and its end; what waits for a limit or for memory begins again."""
        found = Counter(fact for entry in self.told if (fact := self.fact_of(entry)) is not None)
        return Counter({fact: 1 if fact.startswith("NodeStarted") else count for fact, count in found.items()})

    def end(self) -> str | None:
        """Its last fact."""
        return self.fact_of(self.told[-1])

    def fact_of(self, entry: dict[str, Any]) -> str | None:
        """What is compared of a fact; None of those that tell how it was done, not what."""
        event, data = entry["event"], entry["data"]
        if (entry["node_id"] is None and event not in ENDS) or event in ASIDE:
            return None
        members = {name: data[name] for name in COMPARED if data.get(name) is not None}
        error = data.get("error") or {}
        members |= {name: error[name] for name in ("type", "code") if name in error}
        told = json.dumps(members, sort_keys=True).replace(self.user, "somebody")
        return f"{event} {entry['node_id']} {told}"


@pytest.fixture
def runner(stack: Up, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    # typer sets and deletes it while it reads a path, and several commands are read at once here.
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "1")
    return Runner(stack, tmp_path)


@pytest.mark.parametrize("command", SHOWN, ids=lambda command: str(command.file.stem))
def test_the_facts_are_the_same(command: Shown, runner: Runner) -> None:
    name = command.file.stem
    executors = ["parallel", "langgraph"] + ["sequential"] * (name not in REFUSED and name not in FIRST_COME)
    threads = ThreadPoolExecutor()
    try:
        wanted, found, *one_by_one = threads.map(partial(runner.run, command), executors, timeout=PATIENCE_SECONDS)
    finally:
        # A run that never ends is left behind: it ends with its stack.
        threads.shutdown(wait=False)
    if name in REFUSED:
        assert REFUSED[name] in found.refusal
        assert found.told == []
    elif name in FIRST_COME:
        assert found.end() == wanted.end()
    else:
        assert found.story() == wanted.story()
        assert [ran.story() for ran in one_by_one] == [wanted.story()]
