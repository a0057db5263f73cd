"""How long one waits who lost a race for a stream, so that many who race get through one after the other."""

import random

FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.25
DOUBLINGS = 10


def pause_before(attempt: int) -> float:
    """Seconds before the next try, at random, so that the losers do not meet again; longer the more were in vain."""
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(attempt, DOUBLINGS))
    return random.uniform(0.0, longest)  # noqa: S311 - nobody guards a secret with it
