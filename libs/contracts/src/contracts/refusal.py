"""How a service says no: a code, a sentence, the facts, and the family that decides the HTTP status."""

from typing import ClassVar

from contracts.message import Message


class Problem(Message):
    """One thing that is wrong: where (a JSON pointer), a stable code, a plain sentence."""

    pointer: str
    code: str
    message: str


class RefusalView(Message):
    """A refusal as it crosses the wall (and, in the gateway, an RFC 9457 problem)."""

    status: int
    code: str
    title: str
    detail: str
    errors: tuple[Problem, ...] = ()
    retry_after_seconds: float | None = None


class Refusal(Exception):
    """The rule that was broken. Subclasses name the family; `code` names the rule."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Refused"

    def __init__(
        self,
        code: str,
        detail: str,
        errors: tuple[Problem, ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        """`code` is a stable slug (`not_a_template`), `detail` one sentence for a person."""
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds

    def view(self) -> RefusalView:
        """The refusal as a message."""
        return RefusalView(
            status=self.status,
            code=self.code,
            title=self.title,
            detail=self.detail,
            errors=self.errors,
            retry_after_seconds=self.retry_after_seconds,
        )


class Malformed(Refusal):
    """The request itself cannot be read: JSON, query keys, a cursor."""

    status, title = 400, "Malformed request"


class Unauthenticated(Refusal):
    """No token, or one that does not hold."""

    status, title = 401, "Not authenticated"


class Forbidden(Refusal):
    """Seen, but not allowed."""

    status, title = 403, "Not allowed"


class Missing(Refusal):
    """Not there, or not visible to this caller: the two look the same on purpose."""

    status, title = 404, "Not found"


class Conflict(Refusal):
    """The state of the thing does not allow it."""

    status, title = 409, "Conflict"


class PreconditionFailed(Refusal):
    """`If-Match` names another version."""

    status, title = 412, "Precondition failed"


class TooLarge(Refusal):
    """A size limit of the deployment."""

    status, title = 413, "Too large"


class UnknownMedia(Refusal):
    """The body is in a form that nobody reads here."""

    status, title = 415, "Unsupported media type"


class Invalid(Refusal):
    """Well-formed, but its content breaks rules; `errors` lists all of them."""

    status, title = 422, "Invalid content"


class TooMany(Refusal):
    """A rate or a quota; `retry_after_seconds` says when to come back."""

    status, title = 429, "Too many requests"


class Unavailable(Refusal):
    """Not now; try again after `retry_after_seconds`."""

    status, title = 503, "Unavailable"


class Failed(Refusal):
    """A defect on our side: nothing the caller can mend; `detail` names the id to look for in the logs."""

    status, title = 500, "Internal error"
