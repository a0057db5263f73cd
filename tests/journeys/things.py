"""What there is to ask about over HTTP: blueprints and runs in every state that matters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from tests.support.api import Api
from tests.support.blueprints import chain, nap, step

GOOD = chain(step("tell"))
LARGE = b'"' + b"x" * (4 * 1024 * 1024) + b'"'
NOBODYS = uuid4()


@dataclass(frozen=True)
class Things:
    """What there is to ask about: ids of blueprints and of runs, in every state that matters."""

    own: str
    archived: str
    bobs: str
    public: str
    """Of bob's as well, and of no team."""
    limited: str
    template: str
    done: str
    cancelled: str
    running: str
    bobs_run: str
    failed: str
    asking: tuple[str, ...]
    """Four runs, each of which waits for a decision."""
    asking_others: str
    """It waits for somebody else's decision."""


@asynccontextmanager
async def things(ada: Api, bob: Api, team: str) -> AsyncIterator[Things]:
    """All of it, made for ada; bob shares one blueprint with her team and runs it."""
    shared = chain(nap("nap", 60)) | {"visibility": "team", "team_id": team}
    own, bobs = await ada.create(GOOD), await bob.create(shared)
    archived, public = await ada.create(GOOD), await bob.create(GOOD | {"visibility": "public"})
    await ada.ask("DELETE", f"/blueprints/{archived['id']}", 204)
    limited = await ada.create(GOOD | {"config": {"rate_limit": {"limit": 1, "per_seconds": 3600}}})
    await ada.execute(limited)
    template = await ada.create(GOOD | {"is_template": True})
    naps = await ada.create(chain(nap("nap", 60)))
    running, cancelled, bobs_run = await ada.begin(naps), await ada.begin(naps), await bob.begin(bobs)
    asks = await ada.create(chain(step("review", "approval")))
    asks_others = await ada.create(chain(step("review", "approval", approvers={"users": ["somebody else"]})))
    asking, asking_others = [await ada.begin(asks) for _ in range(4)], await ada.begin(asks_others)
    failed = (await ada.execute(await ada.create(chain(step("break", name="fail")))))["instance_id"]
    await ada.ask("POST", f"/instances/{cancelled}/cancel", 202)
    await ada.ends(cancelled)
    done = (await ada.execute(own))["instance_id"]
    ids = (found["id"] for found in (own, archived, bobs, public, limited, template))
    for run in (*asking, asking_others):
        await ada.waits(run)
    yield Things(*ids, done, cancelled, running, bobs_run, failed, tuple(asking), asking_others)
    await ada.steer(asking_others, "terminate")
    await ada.ask("POST", f"/instances/{running}/cancel", 200)
    await bob.ask("POST", f"/instances/{bobs_run}/cancel", 202)
