"""What must be true of everything that happened outside."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.chaos.evidence import Evidence

Place = tuple[str, str, str, int]
OVER = frozenset({"NodeCompleted", "NodeFailed", "NodeCancelled"})


def an_effect_is_repeated_only_with_the_same_key(evidence: Evidence) -> Iterator[str]:
    """One attempt has one key, made of its place; another attempt has another one."""
    keys: dict[tuple[str, str, str, int, int], set[str]] = defaultdict(set)
    for effect in evidence.effects:
        keys[(*effect.place, effect.attempt)].add(effect.key)
    for attempt, found in keys.items():
        instance, scope, node, visit, number = attempt
        wanted = f"{instance}/{scope}/{node}/{visit}/{number}"
        if found != {wanted}:
            yield f"attempt {attempt} acted under {sorted(found)}, not under {wanted}"


def an_effect_is_repeated_only_by_a_new_owner(evidence: Evidence) -> Iterator[str]:
    """An attempt acts once for each worker that owned the run while it was in flight, and not once more."""
    owners = owners_of_attempts(evidence)
    for key, times in Counter(effect.key for effect in evidence.effects).items():
        instance, scope, node, visit, attempt = key.split("/", 1)[0], *key.split("/", 1)[1].rsplit("/", 3)
        allowed = owners.get((instance, scope, node, int(visit), int(attempt)), 0)
        if times > allowed:
            yield f"{key} acted {times} times, and {allowed} workers owned it while it was in flight"


def what_completed_has_happened(evidence: Evidence) -> Iterator[str]:
    """The key in a recorded answer is in the outside ledger too."""
    happened = {effect.key for effect in evidence.effects}
    for facts in evidence.runs.values():
        for fact in facts:
            if fact.topic != "NodeCompleted" or fact.body["node_type"] != "tool":
                continue
            key = (fact.body.get("output") or {}).get("key")
            if key not in happened:
                yield f"{fact.place} completed as {key}, which never happened outside"


def owners_of_attempts(evidence: Evidence) -> dict[tuple[str, str, str, int, int], int]:
    """How many workers owned each attempt between its start and what became of it."""
    found: dict[tuple[str, str, str, int, int], int] = {}
    for facts in evidence.runs.values():
        in_flight: set[tuple[str, str, str, int, int]] = set()
        for fact in facts:
            if fact.topic == "InstanceClaimed":
                for attempt in in_flight:
                    found[attempt] += 1
            elif fact.topic == "NodeStarted":
                attempt = (*fact.place, int(fact.body["attempt"]))
                in_flight.add(attempt)
                found[attempt] = 1
            elif fact.topic in OVER:
                in_flight.discard((*fact.place, int(fact.body["attempt"])))
    return found
