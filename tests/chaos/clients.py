"""People at the door while it storms: each lives one story after the other and records what it asked and was told."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import httpx

from headrace.tokens import sign
from tests.chaos import stories
from tests.chaos.history import OVER, History, Told

API = "/api/v2"
ANSWER_SECONDS = 20.0
AGAIN_SECONDS = 0.3
STEERING_SECONDS = 150.0
"""How long a client insists on an order before its story stays as it is."""
PAUSE_SECONDS = (0.02, 0.25)
KEYED_OF_TEN = 5
UNCERTAIN = (500, 502, 503, 504)
USER = "ada"

Json = dict[str, Any]


class Client:
    """One of them; its choices follow from the seed."""

    def __init__(self, url: str, secret: str, history: History, seed: str) -> None:
        """`secret` signs its token."""
        self.history = history
        self.chance = random.Random(seed)
        self.blueprints: dict[str, str] = {}
        self.stories: Sequence[str] = ()
        """The stories that it lives; all of them by default."""
        headers = {"Authorization": f"Bearer {sign(secret, USER, ttl='7d')}"}
        self.http = httpx.AsyncClient(base_url=url + API, headers=headers, timeout=ANSWER_SECONDS, trust_env=False)

    async def create(self) -> dict[str, str]:
        """Make the blueprints, before the storm."""
        made = {name: await self._made(body | {"name": name}) for name, body in stories.bodies().items()}
        made["family"] = await self._made(stories.family(made["straight"]) | {"name": "family"})
        self.blueprints = made
        return made

    async def _made(self, body: Json) -> str:
        answer = await self.http.post("/blueprints", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def live(self, stop: asyncio.Event) -> None:
        """One story after the other, until it is time to stop."""
        while not stop.is_set():
            name = self.chance.choice(sorted(self.stories or self.blueprints))
            await self.story(name)
            await asyncio.sleep(self.chance.uniform(*PAUSE_SECONDS))

    async def story(self, name: str) -> None:
        """Begin a run of this kind, do what it needs, look at it."""
        token = str(uuid4())
        rest = AFTERWARDS.get(name)
        mode = "async" if rest is not None else self.chance.choice(["sync", "async", "stream"])
        key = f"key {token}" if self.chance.randrange(10) < KEYED_OF_TEN else None
        if mode == "stream":
            await self.stream(name, token)
            return
        began = await self.begin(name, token, mode, key)
        if key is not None and began.instance_id is not None:
            await self.begin(name, token, "async", key)
        if rest is not None and began.instance_id is not None:
            await rest(self, began.instance_id, token)
        if began.instance_id is not None:
            await self.look(began.instance_id, token)

    async def begin(self, name: str, token: str, mode: str, key: str | None) -> Told:
        """Ask to run it; with a key until somebody answers for certain, else once."""
        wrong = key is None and self.chance.randrange(12) == 0
        body: Json = {"input": {"token": token}, "metadata": {"token": token}}
        if wrong:
            body["config"] = {"executor": "nobody"}
        path = f"/blueprints/{self.blueprints[name]}/execute"
        headers = {"Idempotency-Key": key} if key else {}
        deadline = time.monotonic() + STEERING_SECONDS
        while True:
            asked: Json = {"json": body, "params": {"mode": mode}, "headers": headers}
            told = await self.ask("execute", token, "POST", path, key=key, **asked)
            if key is None or told.accepted or told.refused or time.monotonic() > deadline:
                return told
            await asyncio.sleep(AGAIN_SECONDS)

    async def ask(self, verb: str, token: str, method: str, path: str, key: str | None = None, **request: Any) -> Told:
        """One question, recorded with what was answered."""
        try:
            answer = await self.http.request(method, path, **request)
        except httpx.HTTPError as error:
            return self.history.tell(verb, token, key=key, detail=repr(error))
        body = answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else {}
        http = None if answer.status_code in UNCERTAIN else answer.status_code
        found = body if isinstance(body, dict) and answer.is_success else {}
        return self.history.tell(
            verb,
            token,
            http=http,
            key=key,
            instance_id=found.get("instance_id") or (found.get("id") if verb == "get" else None),
            status=found.get("status") if http is not None and answer.is_success else None,
            output=found.get("output"),
            shows_output="output" in found,
            detail=found.get("signal_id") if answer.is_success else {"http": answer.status_code, "body": body},
        )

    async def stream(self, name: str, token: str) -> None:
        """Run it and read its lines, to the end or to wherever they break off."""
        lines: list[Json] = []
        path = f"/blueprints/{self.blueprints[name]}/stream"
        body = {"input": {"token": token}, "metadata": {"token": token}}
        http = None
        try:
            async with self.http.stream("POST", path, json=body) as response:
                http = None if response.status_code in UNCERTAIN else response.status_code
                if response.is_success:
                    lines = [json.loads(line) async for line in response.aiter_lines() if line]
        except (httpx.HTTPError, json.JSONDecodeError) as error:
            self.history.tell("stream", token, detail=repr(error))
            return
        ids = {line["instance_id"] for line in lines if line.get("instance_id")}
        told = [(line["seq"], line["event"]) for line in lines if line.get("seq")]
        self.history.tell("stream", token, http=http, instance_id=min(ids, default=None), detail=told)

    async def order(self, verb: str, instance_id: str, token: str, body: Json | None = None) -> Told:
        """Steer a run until somebody says for certain what became of it."""
        return await self.insist(verb, token, f"/instances/{instance_id}/{verb}", body)

    async def insist(self, verb: str, token: str, path: str, body: Json | None) -> Told:
        """Ask the same until the answer is certain; a repeated signal has one key, hence is one."""
        headers = {"Idempotency-Key": f"{verb} {token}"} if body else {}
        deadline = time.monotonic() + STEERING_SECONDS
        while True:
            told = await self.ask(verb, token, "POST", path, json=body, headers=headers)
            if told.http is not None or time.monotonic() > deadline:
                return told
            await asyncio.sleep(AGAIN_SECONDS)

    async def look(self, instance_id: str, token: str) -> None:
        """Read it in one of the ways in which it can be read."""
        way = self.chance.choice(["get", "get", "list", "logs"])
        if way == "list":
            await self.ask("list", token, "GET", "/instances", params={"limit": 20})
        elif way == "logs":
            await self.ask("logs", token, "GET", f"/instances/{instance_id}/logs")
        else:
            await self.ask("get", token, "GET", f"/instances/{instance_id}")

    async def until(self, instance_id: str, token: str, *statuses: str) -> Told | None:
        """Look until it has one of these statuses, or is over; None when nobody could say so for too long."""
        deadline = time.monotonic() + STEERING_SECONDS
        while time.monotonic() < deadline:
            told = await self.ask("get", token, "GET", f"/instances/{instance_id}")
            if told.status in {*statuses, *OVER}:
                return told
            await asyncio.sleep(AGAIN_SECONDS)
        return None


async def _signal(client: Client, instance_id: str, token: str) -> None:
    await client.order("signal", instance_id, token, {"name": "go", "payload": token})


async def _post(client: Client, _instance_id: str, token: str) -> None:
    path = f"/blueprints/{client.blueprints['keyed']}/signals"
    await client.insist("signals", token, path, {"name": "go", "key": token, "payload": token})


async def _approve(client: Client, instance_id: str, token: str) -> None:
    if await client.until(instance_id, token, "waiting"):
        await client.order("approve", instance_id, token)


async def _cancel(client: Client, instance_id: str, token: str) -> None:
    await asyncio.sleep(client.chance.uniform(0.0, 1.0))
    await client.order("cancel", instance_id, token)


async def _terminate(client: Client, instance_id: str, token: str) -> None:
    await asyncio.sleep(client.chance.uniform(0.0, 1.0))
    await client.order("terminate", instance_id, token)


async def _pause(client: Client, instance_id: str, token: str) -> None:
    paused = await client.order("pause", instance_id, token)
    if paused.accepted and await client.until(instance_id, token, "paused"):
        await client.order("resume", instance_id, token)


async def _leave(client: Client, instance_id: str, token: str) -> None:
    """Nobody will ever send its signal."""


AFTERWARDS: dict[str, Callable[[Client, str, str], Awaitable[None]]] = {
    "signalled": _signal,
    "keyed": _post,
    "approved": _approve,
    "cancelled": _cancel,
    "terminated": _terminate,
    "paused": _pause,
    "never": _leave,
}
"""What a run of a kind needs once it has begun."""
