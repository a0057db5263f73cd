"""The newest facts that this process recorded itself: followers need not read back what was just written."""

from collections.abc import Sequence

from chassis.group_commit import Call
from chassis.ledger import Recorded

FACTS_MAX = 4_096
BYTES_MAX = 8 * 1024 * 1024


class Tail:
    """A run of the ledger without a gap, up to this process's last commit; the oldest facts make room for new ones.

    Positions are drawn one by one, so numbers that follow one another have nothing between them. Where another process
    has recorded something in between, the run begins anew behind it.
    """

    def __init__(self) -> None:
        self._facts: list[Recorded] = []
        self._bytes = 0

    def add(self, calls: Sequence[Call], positions: Sequence[int]) -> None:
        """These calls were committed; their events have these positions, in their order."""
        if positions[-1] - positions[0] + 1 != len(positions):
            self.forget()
            return
        if self._facts and self._facts[-1].position + 1 != positions[0]:
            self.forget()
        place = iter(positions)
        for call in calls:
            for append in call:
                for new in append.events:
                    recorded = Recorded(
                        next(place), append.stream_id, new.version, new.topic, new.state, new.event_id, new.metadata
                    )
                    self._facts.append(recorded)
                    self._bytes += len(new.state)
        if len(self._facts) > FACTS_MAX or self._bytes > BYTES_MAX:
            self._make_room()

    def after(self, position: int, limit: int) -> list[Recorded] | None:
        """The facts behind `position`, at most `limit`; None when the ledger itself has to be asked."""
        if not self._facts:
            return None
        place = position - self._facts[0].position + 1
        return self._facts[place : place + limit] if 0 <= place < len(self._facts) else None

    def forget(self) -> None:
        """Nothing is known of what the ledger ends with."""
        self._facts.clear()
        self._bytes = 0

    def _make_room(self) -> None:
        """Let go of half at once, so that it happens rarely."""
        kept, size = len(self._facts), 0
        while kept and len(self._facts) - kept < FACTS_MAX // 2 and size <= BYTES_MAX // 2:
            kept -= 1
            size += len(self._facts[kept].state)
        del self._facts[:kept]
        self._bytes = size
