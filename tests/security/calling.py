"""An `http` node without an engine: its action with rules and a resolver, for tests of what it may reach."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from execution.nodes.action import NodeFailure
from execution.nodes.addresses import AddressRules
from execution.nodes.guarded_network import system_resolver
from execution.nodes.http import HttpAction
from tests.support.node_calls import failure_of, node_call
from tests.support.web_server import Reply, WebServer

OK = Reply.of_json({"ok": True})


class Names:
    """A resolver with its answers; remembers what it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def acting(allow: str = "", names: Names | None = None) -> AsyncIterator[HttpAction]:
    resolve = names or system_resolver
    action = HttpAction(AddressRules.of(allow), resolve)
    yield action
    await action.close()


async def failure(url: str, allow: str = "", names: Names | None = None, **config: object) -> NodeFailure:
    async with acting(allow, names) as action:
        return await failure_of(action, node_call({"url": url, **config}, timeout_seconds=5))


def port_of(server: WebServer) -> int:
    return int(server.url.rpartition(":")[2])
