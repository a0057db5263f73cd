"""A whole stack of ours for the benchmark: `headrace up` in a folder, asked over HTTP by a client process."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import httpx
import psutil
import psycopg

from headrace.embedded.postgres import Postgres
from headrace.embedded.secrets import read_secrets
from headrace.tokens import sign
from tests.benchmarks.client import Order, Seen
from tests.benchmarks.telling import asked
from tests.support.blueprints import chain, step
from tests.support.stacks import Up

API = "/api/v2"
TOOLS = Path(__file__).with_name("tools.py")
USER = "ada"
PAGE = 200
POLL_SECONDS = 0.25


class BenchStack:
    """`headrace up`, and the shortest ways to ask it and to look into it."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        """Start it and wait for its `ready` line."""
        self.up = Up.launch(folder, "--tools", str(TOOLS), *options, HEADRACE_LOG_LEVEL="warning", **environment)
        self.up.ready_line()
        secrets = read_secrets(folder)
        assert secrets is not None
        self.url = str(self.up.state["url"])
        self.token = sign(secrets.jwt, USER)
        self.superuser_dsn = Postgres.under(folder, secrets).superuser_dsn()
        self.http = httpx.Client(
            base_url=self.url + API,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        """It runs already."""
        return self

    def __exit__(self, *failure: object) -> None:
        """Stop it, whatever came of it."""
        self.stop()

    def stop(self) -> None:
        """Stop it; it must end well."""
        self.http.close()
        try:
            status, said = self.up.stop()
            assert status == 0, said
        finally:
            self.up.reap()

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """The answer's body; raises on any refusal."""
        answer = self.http.request(method, path, **request)
        assert answer.is_success, f"{method} {path}: {answer.status_code}: {answer.text}"
        return answer.json() if answer.content else None

    def create(self, body: Mapping[str, Any]) -> str:
        """A new blueprint's id."""
        return str(self.ask("POST", "/blueprints", json=body)["id"])

    def statuses(self, blueprint_id: str) -> Counter[str]:
        """How many instances of a blueprint have which status, each looked at over HTTP."""
        found: dict[str, str] = {}
        query: dict[str, Any] = {"blueprint_id": blueprint_id, "limit": PAGE}
        while True:
            page = self.ask("GET", "/instances", params=query)
            found |= {item["id"]: item["status"] for item in page["items"]}
            if page["next_cursor"] is None:
                return Counter(found.values())
            query["cursor"] = page["next_cursor"]

    def settled(self, blueprint_id: str, completed: int, patience_seconds: float = 10.0) -> Counter[str]:
        """The statuses once so many instances have completed, as the read model knows them, or patience is over."""
        deadline = monotonic() + patience_seconds
        while (statuses := self.statuses(blueprint_id))["completed"] < completed and monotonic() < deadline:
            sleep(POLL_SECONDS)
        return statuses

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement finds, asked past all services as the superuser."""
        with psycopg.connect(self.superuser_dsn, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def load(self, path: str, **order: Any) -> Seen:
        """Put a load on the gateway from a process of its own; every answer must be as expected."""
        order_made = Order(url=self.url, path=API + path, token=self.token, **order)
        seen = carry_out(order_made)
        assert not seen.refused, f"{seen.refused} wrong answers, such as {seen.wrong}"
        return seen

    def processes(self) -> dict[str, psutil.Process]:
        """The running processes by name."""
        return {name: psutil.Process(pid) for name, pid in self.up.state["processes"].items() if pid}


def carry_out(order: Order) -> Seen:
    """Run the client process with this order."""
    return Seen(**asked("tests.benchmarks.client", asdict(order), order.seconds + order.warm_up_seconds))


def chain_of_steps(steps: int) -> dict[str, Any]:
    """A blueprint of so many durable no-op steps, one after the other; each names the one before it for the probe."""
    names = [f"s{number}" for number in range(1, steps + 1)]
    before: Sequence[str] = ("start", *names)
    nodes = [step(name, "tool", name="step", arguments={"after": before[place]}) for place, name in enumerate(names)]
    return chain(*nodes, name=f"{steps} steps")
