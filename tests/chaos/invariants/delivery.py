"""What must be true of the bus and of everything that is derived from a ledger."""

from collections.abc import Iterator
from itertools import groupby

from tests.chaos.evidence import MARK, Evidence, Heard


def facts_are_on_the_bus_once_and_in_order(evidence: Evidence) -> Iterator[str]:
    """Each stream carries the facts of its ledger: none twice, none before another, none left out in between."""
    for service, messages in evidence.heard.items():
        ours = [heard for heard in messages if not heard.injected]
        for _, incarnation in groupby(ours, key=lambda heard: heard.incarnation):
            yield from _chain(service, list(incarnation))


def _chain(service: str, messages: list[Heard]) -> Iterator[str]:
    before: Heard | None = None
    kept: dict[int, Heard] = {}
    for heard in messages:
        if before is not None and heard.sequence <= before.sequence:
            # Servers that died together forgot the end of the stream: it goes on behind what they kept.
            kept = {sequence: one for sequence, one in kept.items() if sequence < heard.sequence}
            before = kept[max(kept)] if kept else None
        if before is not None and heard.position <= before.position:
            yield f"{service}: position {heard.position} came behind {before.position} (sequence {heard.sequence})"
        elif before is not None and heard.previous != before.position:
            yield f"{service}: {before.position} to {heard.previous} are missing before {heard.position} on the bus"
        before = kept[heard.sequence] = heard


def what_is_on_the_bus_is_in_the_ledger(evidence: Evidence) -> Iterator[str]:
    """Each message is the fact that stands at its position."""
    for service, messages in evidence.heard.items():
        for heard in messages:
            recorded = evidence.ledgers[service].get(heard.position)
            if not heard.injected and recorded != heard.event_id:
                yield f"{service}: {heard.event_id} was published as {heard.position}, where {recorded} stands"


def the_bus_brings_everything(evidence: Evidence) -> Iterator[str]:
    """Once all is at rest, the last fact of each ledger has been heard."""
    for service, messages in evidence.heard.items():
        last = max((heard.position for heard in messages if not heard.injected), default=0)
        head = evidence.heads.get(service, 0)
        if last < head:
            yield f"{service}: the ledger ends at {head}, the bus at {last}"


def instances_are_shown_as_recorded(evidence: Evidence) -> Iterator[str]:
    """The read model has a row for each run, with its end and its output."""
    for instance_id in evidence.runs:
        row = evidence.rows.get(instance_id)
        if row is None:
            yield f"run {instance_id} is in the ledger and in no row"
            continue
        end = evidence.end_of(instance_id)
        if end is not None and (row.status, row.output) != (end, evidence.output_of(instance_id)):
            yield f"run {instance_id} is shown as {row.status}, recorded as {end}, or with another output"
        if end is None and row.status not in ("pending", "running", "waiting", "paused"):
            yield f"run {instance_id} is shown as {row.status} and has not ended"


def every_end_is_counted_once(evidence: Evidence) -> Iterator[str]:
    """Metrics has one row for each run that has ended, and no other."""
    ended = {instance_id: end for instance_id in evidence.runs if (end := evidence.end_of(instance_id))}
    for instance_id, end in ended.items():
        if evidence.counted.get(instance_id) != end:
            yield f"run {instance_id} ended as {end} and is counted as {evidence.counted.get(instance_id)}"
    for instance_id in set(evidence.counted) - set(ended):
        yield f"run {instance_id} is counted and has not ended"


def only_what_nobody_can_read_is_put_aside(evidence: Evidence) -> Iterator[str]:
    """Dead letters are those that the nemesis wrote."""
    for projection, payload, error in evidence.dead_letters:
        if MARK not in payload:
            yield f"projection {projection} put a fact aside that is not garbage: {error}"


def a_rebuilt_read_model_equals_the_live_one(evidence: Evidence) -> Iterator[str]:
    """Row for row."""
    for table, live in evidence.live.items():
        rebuilt = evidence.rebuilt.get(table)
        if rebuilt is None:
            yield f"{table} could not be made anew"
        elif sorted(live) != sorted(rebuilt):
            odd = sorted(set(live) ^ set(rebuilt))
            yield f"{table} has {len(live)} rows live and {len(rebuilt)} rebuilt; {len(odd)} differ, such as {odd[:1]}"


def there_are_no_orphans(evidence: Evidence) -> Iterator[str]:
    """No instance without its blueprint, no metric without its instance."""
    for instance_id, row in evidence.rows.items():
        if row.blueprint_id not in evidence.blueprints:
            yield f"instance {instance_id} is of blueprint {row.blueprint_id}, which is nowhere"
    for instance_id in set(evidence.counted) - set(evidence.rows):
        yield f"metrics counts {instance_id}, which is no instance"
