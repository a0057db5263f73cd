"""What others have that nobody else may hear of, and what an answer tells."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from tests.security.people import People
from tests.support.api import Api
from tests.support.blueprints import chain, step

CHANGING = frozenset({"date", "content-length"})
"""Headers that say nothing of what was asked about; a problem repeats the path, whose ids are equally long."""


@dataclass(frozen=True)
class Kept:
    """A blueprint of a team and runs of it, full of words that stand nowhere else."""

    owner: Api
    word: str
    """In the name, the description, a tag, the node, the input, the metadata, the conversation."""
    team: str
    blueprint: str
    run: str
    """Waits for a decision."""
    ended: str
    failed: str

    @property
    def words(self) -> tuple[str, ...]:
        """Whatever must not be heard."""
        return (self.word, self.owner.user, self.team)


async def kept_by(people: People, visibility: str = "team") -> Kept:
    """The owner's, shared with their team alone or as said."""
    owner, word = people["owner"], f"word{uuid4().hex[:12]}"
    sharing: dict[str, Any] = {"visibility": visibility} | ({"team_id": people.team} if visibility == "team" else {})
    told = {"description": f"all of {word}", "tags": [word], **sharing}
    review = step(f"review_{word}", "approval", title=word)
    blueprint = await owner.create(chain(review, name=f"the {word}", is_template=True, **told))
    begun = {"metadata": {"of": word}, "conversation_id": word}
    run = await owner.begin(blueprint, {"to": word}, **begun)
    ended = await owner.begin(blueprint, {"to": word}, **begun)
    failing = await owner.create(chain(step(f"break_{word}", name="fail"), name=f"broken {word}", **told))
    failed = (await owner.execute(failing, {"to": word}, **begun))["instance_id"]
    for waiting in (run, ended):
        await owner.waits(waiting)
    await owner.steer(ended, "terminate")
    await owner.ends(ended)
    return Kept(owner, word, people.team, str(blueprint["id"]), run, ended, str(failed))


def told_by(response: httpx.Response, thing: str) -> tuple[int, tuple[tuple[str, str], ...], str]:
    """Everything that an answer says, the thing's id apart."""
    headers = sorted((name, value) for name, value in response.headers.items() if name not in CHANGING)
    return response.status_code, tuple(headers), response.text.replace(thing, "…")


def overheard(kept: Kept, response: httpx.Response) -> list[str]:
    """Words of the owner's in an answer, its headers included."""
    said = response.text + repr(response.headers)
    return [word for word in (*kept.words, kept.blueprint, kept.run, kept.ended, kept.failed) if word in said]
