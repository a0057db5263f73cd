"""One user at the HTTP interface; every answer is held against the published document."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from uuid import uuid4

import httpx

from headrace.embedded.secrets import read_secrets
from headrace.tokens import sign
from tests.support.eventually import eventually
from tests.support.interface import Interface
from tests.support.stacks import Up

API = "/api/v2"
ENDED = frozenset({"completed", "failed", "cancelled", "terminated"})
ANSWER_SECONDS = 70.0
PAGE = 200

Json = dict[str, Any]


class Api:
    """What a user can do, as the shortest calls that a specification can read."""

    def __init__(self, http: httpx.AsyncClient, interface: Interface, user: str) -> None:
        """`http` carries the user's token."""
        self.http = http
        self.interface = interface
        self.user = user

    async def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer, judged."""
        response = await self.http.request(method, API + path, **request)
        self.interface.judge(response)
        return response

    async def ask(self, method: str, path: str, expect: int = 200, **request: Any) -> Any:
        """The body of the answer, whose status must be the expected one."""
        response = await self.send(method, path, **request)
        assert response.status_code == expect, f"{response.status_code}: {response.text}"
        return response.json() if response.content else None

    async def get(self, path: str, expect: int = 200, **query: Any) -> Any:
        """What is there."""
        return await self.ask("GET", path, expect, params=query)

    async def refused(self, method: str, path: str, status: int, code: str | None = None, **request: Any) -> Json:
        """The problem that a request is refused with."""
        problem: Json = await self.ask(method, path, status, **request)
        assert problem["status"] == status
        assert code in (None, problem["code"]), problem
        return problem

    async def create(self, body: Mapping[str, Any]) -> Json:
        """A blueprint of the user's own."""
        created: Json = await self.ask("POST", "/blueprints", 201, json=body)
        return created

    async def execute(self, blueprint: Mapping[str, Any], input: Any = None, expect: int = 200, **body: Any) -> Json:
        """Run it and wait for its end; `key` is an Idempotency-Key, `mode` and `version` go into the query."""
        query = {name: body.pop(name) for name in ("mode", "version") if name in body}
        headers = {"Idempotency-Key": body.pop("key")} if "key" in body else {}
        path = f"/blueprints/{blueprint['id']}/execute"
        content = {"input": input, **body}
        answer: Json = await self.ask("POST", path, expect, json=content, params=query, headers=headers)
        return answer

    async def begin(self, blueprint: Mapping[str, Any], input: Any = None, **body: Any) -> str:
        """Run it without waiting; the instance's id."""
        answer = await self.execute(blueprint, input, 202, mode="async", **body)
        return str(answer["instance_id"])

    @asynccontextmanager
    async def follow(
        self, blueprint: Mapping[str, Any], input: Any = None, **body: Any
    ) -> AsyncIterator[AsyncIterator[Json]]:
        """Run it and read its lines as they come; not judged, because the end may never be read."""
        path = f"{API}/blueprints/{blueprint['id']}/stream"
        async with self.http.stream("POST", path, json={"input": input, **body}) as response:
            assert response.status_code == 200, await response.aread()
            yield (json.loads(line) async for line in response.aiter_lines() if line)

    async def stream(self, blueprint: Mapping[str, Any], input: Any = None, **body: Any) -> list[Json]:
        """Run it and read all its lines, up to the end."""
        path = f"/blueprints/{blueprint['id']}/stream"
        response = await self.send("POST", path, json={"input": input, **body})
        assert response.status_code == 200, response.text
        return [json.loads(line) for line in response.text.splitlines()]

    async def instance(self, instance_id: str) -> Json:
        """How a run is now."""
        found: Json = await self.get(f"/instances/{instance_id}")
        return found

    async def reaches(self, instance_id: str, *statuses: str, timeout: float = 20.0) -> Json:
        """The run once it has one of these statuses."""
        found: Json = {}

        async def reached() -> bool:
            found.update(await self.instance(instance_id))
            assert found["status"] in statuses, f"{instance_id} is {found['status']}: {found['error']}"
            return True

        await eventually(reached, timeout)
        return found

    async def ends(self, instance_id: str, timeout: float = 20.0) -> Json:
        """The run once it has ended."""
        return await self.reaches(instance_id, *ENDED, timeout=timeout)

    async def steer(self, instance_id: str, verb: str, expect: int = 202, **body: Any) -> Json:
        """Give a run an order; `key` is an Idempotency-Key."""
        headers = {"Idempotency-Key": body.pop("key")} if "key" in body else {}
        answer: Json = await self.ask(
            "POST", f"/instances/{instance_id}/{verb}", expect, json=body or None, headers=headers
        )
        return answer

    async def waits(self, instance_id: str, count: int = 1) -> list[Json]:
        """What a run waits for, once it is so many things."""
        path = f"/instances/{instance_id}/waits"

        async def waiting() -> list[Json]:
            items: list[Json] = (await self.get(path))["items"]
            assert len(items) == count, items
            return items

        return await eventually(waiting)

    async def pages(self, path: str, **query: Any) -> list[Json]:
        """Every item of a list, page after page."""
        items: list[Json] = []
        query.setdefault("limit", PAGE)
        while True:
            page = await self.get(path, **query)
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            query["cursor"] = page["next_cursor"]

    async def logs(self, instance_id: str, **query: Any) -> list[Json]:
        """Everything that is told of a run, oldest first."""
        return await self.pages(f"/instances/{instance_id}/logs", **query)

    async def told(self, instance_id: str) -> list[str]:
        """The names of a run's facts."""
        return [entry["event"] for entry in await self.logs(instance_id)]


@asynccontextmanager
async def user_of(
    up: Up, name: str | None = None, teams: Sequence[str] = (), roles: Sequence[str] = ()
) -> AsyncIterator[Api]:
    """Somebody at the door of a running stack, by default a person whom nobody has met before."""
    user = name or f"user-{uuid4().hex[:12]}"
    secrets = read_secrets(up.data_dir)
    assert secrets is not None
    headers = {"Authorization": f"Bearer {sign(secrets.jwt, user, teams=teams, roles=roles)}"}
    limits = httpx.Limits(max_connections=None)
    url = str(up.state["url"])
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=ANSWER_SECONDS, limits=limits, trust_env=False, verify=_authorities()
    ) as http:
        document = (await http.get("/openapi.json")).json()
        yield Api(http, Interface(document), user)


@cache
def _authorities() -> ssl.SSLContext:
    """Loaded once: a client that is not told loads them anew, which takes longer than all that it then asks."""
    return ssl.create_default_context()
