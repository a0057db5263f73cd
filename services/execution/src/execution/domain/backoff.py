"""Whether, and when, something that failed is tried again (pure)."""

from hashlib import blake2b

from contracts.execution import RunError
from contracts.workflow import RetryPolicy

MAX_EXPONENT = 1_000


def tries_again(policy: RetryPolicy, error: RunError, attempt: int) -> bool:
    """Whether another try follows the failure of this one."""
    if attempt >= policy.max_attempts or error.type in policy.never_on or error.code in policy.never_on:
        return False
    return error.type in policy.retry_on


def backoff_seconds(policy: RetryPolicy, attempt: int, place: str) -> float:
    """Seconds until the next try: exponential, capped, spread by jitter.

    The jitter follows from the place (which visit, or instance) and the try: deciding again decides the same.
    """
    try:
        wait = policy.backoff_seconds * policy.backoff_factor ** min(attempt - 1, MAX_EXPONENT)
    except OverflowError:
        wait = policy.max_backoff_seconds
    digest = blake2b(f"{place}/{attempt}".encode(), digest_size=8).digest()
    share = int.from_bytes(digest) / 2**64
    return min(wait, policy.max_backoff_seconds) * (1 - policy.jitter * share)
