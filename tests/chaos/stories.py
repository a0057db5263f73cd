"""The blueprints that clients run in the storm, one of each kind of work and of waiting."""

from typing import Any

from tests.support.blueprints import chain, fan, passes, step

Json = dict[str, Any]
RETRY = {"max_attempts": 8, "backoff_seconds": 0.1}
ENDLESS_SECONDS = 8.0
"""Longer than anybody waits who wants to end it; if nobody does, it takes a slot until then."""


def act(id: str, seconds: float = 0.0, **more: Any) -> Json:
    """A node whose effect is seen outside."""
    shaky = {"shaky": True} if more.pop("shaky", False) else {}
    return step(id, name="act", arguments={"seconds": seconds, **shaky}, **more)


def told(*steps: Json, **more: Any) -> Json:
    """One step after the other; the output says whose it is and what the last step answered."""
    last = steps[-1]["id"]
    return chain(*steps, step("end", "end", output=f"${{ {{'token': input.token, 'last': nodes.{last}}} }}"), **more)


def bodies() -> dict[str, Json]:
    """By name; `family` is added once `straight` has an id."""
    return {
        "straight": told(act("a"), act("b"), act("c")),
        "slow": told(act("a", 0.4), act("b", 0.8), act("c", 0.4)),
        "long": told(*(act(f"step{number}", 0.6) for number in range(8))),
        "shaky": told(act("a", shaky=True, retry=RETRY), act("b", shaky=True, retry=RETRY)),
        "fan": fan(*(act(f"side{number}", 0.1 * number) for number in range(4))),
        "each": told(step("each", "map", items="${ [1, 2, 3] }", body=passes(act("one", 0.1), act("two")))),
        "delayed": told(act("a"), step("nap", "delay", seconds=0.7), act("b")),
        "signalled": told(act("a"), step("go", "signal", name="go"), act("b")),
        "keyed": told(act("a"), step("go", "signal", name="go", key="${ input.token }"), act("b")),
        "approved": told(act("a"), step("review", "approval"), act("b")),
        "never": told(act("a"), step("go", "signal", name="never"), act("b")),
        "cancelled": told(act("a", 0.2), act("b", ENDLESS_SECONDS), act("c")),
        "terminated": told(act("a", 0.2), act("b", ENDLESS_SECONDS), act("c")),
        "paused": told(act("a", 0.5), act("b", 0.5), act("c")),
    }


REVEALING = ("long", "straight", "signalled")
"""What clients do in a house with planted bugs: enough for each of these to come out."""


def family(child: str) -> Json:
    """One that starts another one and waits for it."""
    call = step("call", "blueprint", blueprint_id=child, input="${ {'token': input.token} }")
    return told(act("a"), call, act("b"))
