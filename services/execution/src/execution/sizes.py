"""How large a value from a caller may be."""

from typing import Any

import orjson

from contracts.refusal import Problem, TooLarge
from contracts.workflow import MAX_VALUE_BYTES


def check_size(name: str, value: Any) -> None:
    """Refuse (413) what no fact may carry; `name` is the member of the body that it is in."""
    size = len(orjson.dumps(value))
    if size > MAX_VALUE_BYTES:
        message = f"`{name}` has {size} bytes; at most {MAX_VALUE_BYTES} are taken."
        raise TooLarge("value_too_large", message, (Problem(pointer=f"/{name}", code="too_large", message=message),))
