"""Names in a path: whatever can be nobody's name names nothing, and is answered so."""

from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter, ValidationError

from contracts.access import RoleTeam, SubjectKind, UserId
from contracts.refusal import Missing
from contracts.roles import ROLES, Role
from contracts.secrets import SecretName

NAME_PATTERN = r"^[^/\u0000-\u001f\u007f-\u009f\ufffd]+$"
"""No slash, which would end the segment, and no control characters; U+FFFD stands where bytes were no UTF-8."""
UNWRITABLE = frozenset({*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "/", "\ufffd"})


def _writable(text: str) -> str:
    if UNWRITABLE.intersection(text) or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("not a name that can stand in a path")
    return text


UserSegment = Annotated[UserId, AfterValidator(_writable)]
TeamSegment = Annotated[RoleTeam, AfterValidator(_writable)]

PATTERNS: dict[str, dict[str, Any]] = {
    "user_id": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": NAME_PATTERN},
    "owner": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": NAME_PATTERN},
    "team": {
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "pattern": r"^(\*|[^/:*\u0000-\u001f\u007f-\u009f]+)$",
    },
    "role": {"type": "string", "enum": list(ROLES)},
    "kind": {"type": "string", "enum": ["user", "team"]},
    "name": {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"},
}
"""What stands in a path, by the name of the parameter."""


def user_in(segment: str) -> str:
    """The user id; raises `Missing`."""
    return str(_read(UserSegment, segment))


def team_in(segment: str) -> str:
    """The team, or `*`; raises `Missing`."""
    return str(_read(TeamSegment, segment))


def role_in(segment: str) -> Role:
    """The role; raises `Missing`."""
    role: Role = _read(Role, segment)
    return role


def kind_in(segment: str) -> SubjectKind:
    """`user` or `team`; raises `Missing`."""
    kind: SubjectKind = _read(SubjectKind, segment)
    return kind


def secret_in(segment: str) -> str:
    """The name of a secret; raises `Missing`."""
    return str(_read(SecretName, segment))


def _read(kind: Any, segment: str) -> Any:
    try:
        return _adapter(kind).validate_python(segment)
    except ValidationError:
        raise Missing("not_found", "There can be nothing of this name; look at the path again.") from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
