"""What an API key may be used for, checked where a request is answered."""

from contracts.message import Caller, Capability
from contracts.refusal import Forbidden


def check_scope(caller: Caller, needed: Capability | None) -> None:
    """Refuse an API key that may not be used for this; None is what every key may."""
    if caller.scopes is not None and needed is not None and needed not in caller.scopes:
        held = ", ".join(caller.scopes) or "nothing"
        detail = f"This API key may be used for {held}; this needs the scope `{needed}`: use another key."
        raise Forbidden("out_of_scope", detail)
