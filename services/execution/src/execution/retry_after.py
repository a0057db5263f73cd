"""When a server says to come back: the `Retry-After` header, in seconds from now."""

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from chassis import clock

MAX_RETRY_AFTER_SECONDS = 24 * 3600.0


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait that the headers ask for (a number of seconds or an HTTP date), at most a day; None when they do not."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text)
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS) if not math.isnan(seconds) else None


def _until(text: str) -> float:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return float("nan")
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - clock.now()).total_seconds()
