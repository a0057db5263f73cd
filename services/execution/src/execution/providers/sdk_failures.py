"""What an error of a provider's SDK means for the node; both SDKs share the shape of theirs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

from execution.nodes.action import NodeFailure
from execution.providers.conversation import FinishReason
from execution.retry_after import retry_after_seconds

_PASSING_STATUSES = frozenset({408, 409, 425, 429})
_SERVER_ERRORS = 500
MAX_QUOTED_CHARACTERS = 500


@asynccontextmanager
async def failures_of(sdk: ModuleType, provider: str) -> AsyncIterator[None]:
    """Turn whatever the SDK raises inside into a `NodeFailure`."""
    errors: Any = sdk
    try:
        yield
    except errors.APITimeoutError as error:
        raise NodeFailure("timeout", "model_timeout", f"{provider} did not answer in time.") from error
    except errors.APIConnectionError as error:
        cause = error.__cause__ or error
        told = str(cause) or type(cause).__name__
        raise NodeFailure("transient", "model_unreachable", f"{provider} cannot be reached: {told}.") from error
    except errors.APIStatusError as error:
        raise of_status(provider, error.status_code, dict(error.response.headers), str(error)) from error
    except NodeFailure:
        raise
    except Exception as error:
        raise broke_off(provider, f"{type(error).__name__}: {error}") from error


def finished(provider: str, reason: FinishReason | None) -> FinishReason:
    """The reason why the answer ended; an answer that just stops coming has none, and has failed."""
    if reason is None:
        raise broke_off(provider, "the stream ended before the answer did")
    return reason


def broke_off(provider: str, detail: str) -> NodeFailure:
    """An answer of which not everything arrived, or that cannot be read."""
    return NodeFailure("transient", "model_broke_off", f"{provider} broke off: {detail[:MAX_QUOTED_CHARACTERS]}.")


def of_status(provider: str, status: int, headers: dict[str, str], detail: str) -> NodeFailure:
    """A status of the API: overload and server errors pass, everything else does not."""
    passing = status in _PASSING_STATUSES or status >= _SERVER_ERRORS
    return NodeFailure(
        "transient" if passing else "permanent",
        "model_rate_limited" if status == 429 else "model_refused",  # noqa: PLR2004 - an HTTP status
        f"{provider} answered {status}: {detail[:MAX_QUOTED_CHARACTERS]}",
        retry_after_seconds(headers),
    )
