"""How JSON from outside becomes a contract, or a list of everything that is wrong with it."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from contracts.refusal import Invalid, Malformed, Problem
from contracts.wording import SENTENCES, code_of

M = TypeVar("M", bound=BaseModel)
Location = tuple[str | int, ...]

MAX_INTEGER = 2**63 - 1
"""Integers are 64 bits wide everywhere: in expressions, in the ledger, on the bus."""

SUSPICIOUS = re.compile(rb"\\u0000|\d{19}|\d[eE]\+?\d{3}|NaN|Infinity")
"""Text that may hold a value which PostgreSQL or JSON itself cannot keep; only then is every value looked at."""

ESCAPED = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F]..)|.)", re.DOTALL)
"""One escape in a JSON text: a whole surrogate pair, half of one, or anything else."""
HALF = "\uffff"
"""Takes the place of half a surrogate pair, which pydantic's parser takes for broken JSON; no character either."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a body: `shape` by its model, `unkept` by values that no model looks at."""

    document: Any
    unkept: tuple[Problem, ...]
    shape: tuple[Problem, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of it, one for each place."""
        told = {problem.pointer for problem in self.unkept}
        return (*self.unkept, *(problem for problem in self.shape if problem.pointer not in told))


def read_body(model: type[M], raw: bytes) -> M:
    """The contract that a request body holds; raises `Malformed` (not JSON) or `Invalid` (with every problem)."""
    read = parse_body(model, raw)
    if isinstance(read, tuple):
        count = "one problem" if len(read) == 1 else f"{len(read)} problems"
        raise Invalid("invalid_body", f"The body has {count}; see `errors`.", read)
    return read


def parse_body(model: type[M], raw: bytes | Any) -> M | tuple[Problem, ...]:
    """The contract in `raw` (JSON bytes, or an already decoded document), or all of its problems with JSON pointers.

    Raises `Malformed` when the bytes are not JSON. Types are taken literally: "5" is not a number.
    """
    text = raw if isinstance(raw, bytes) else to_json(raw)
    try:
        read = model.model_validate_json(text, strict=True)
    except ValidationError:
        return faults_of(model, raw).problems
    return (SUSPICIOUS.search(text) and faults_of(model, raw).problems) or read


def faults_of(model: type[BaseModel], raw: bytes | Any) -> Faults:
    """What `parse_body` finds, together with the document."""
    sent = raw if isinstance(raw, bytes) else to_json(raw)
    text = ESCAPED.sub(_whole, sent)
    document = _decoded(text, with_constants=not isinstance(raw, bytes))
    unkept = (*unkept_values(document, text), *(_half_characters(document) if text != sent else ()))
    try:
        model.model_validate_json(text, strict=True)
        return Faults(document, unkept, ())
    except ValidationError as error:
        return Faults(document, unkept, problems_in(error, model, document))


def problems_in(error: ValidationError, model: type[BaseModel], document: Any) -> tuple[Problem, ...]:
    """What pydantic found in `document`, as problems: one for each place, in the order of the model's members."""
    branches: dict[tuple[Location, str], list[Problem]] = {}
    found: dict[Location, list[Problem]] = {}
    for details in error.errors(include_url=False, include_input=False):
        place, union = _placed(details, document)
        if _is_echo(details, place, document):
            continue
        problem = Problem(pointer=pointer(place), code=code_of(details["type"]), message=_sentence(details, model))
        if union is None:
            found.setdefault(place, []).append(problem)
        else:
            branches.setdefault((union, _branch(details, union)), []).append(problem)
            found.setdefault(union, [])
    for union in {union for union, _ in branches}:
        found[union] += _best_branch(pointer(union), [list_ for (of, _), list_ in branches.items() if of == union])
    return tuple(problem for problems in found.values() for problem in problems)


def unkept_values(document: Any, text: bytes) -> tuple[Problem, ...]:
    """Values that are JSON but that nothing behind the door can keep: NUL characters, huge or endless numbers."""
    if not SUSPICIOUS.search(text):
        return ()
    return tuple(
        Problem(pointer=pointer(place), code=code, message=sentence)
        for place, value in _leaves(document)
        for code, sentence in _objections(value)
    )


def unkept_values_in(text: bytes) -> tuple[Problem, ...]:
    """The same, of a text that has been read as a model already."""
    return unkept_values(from_json(text), text) if SUSPICIOUS.search(text) else ()


def pointer(place: Sequence[str | int]) -> str:
    """A place in a document as a JSON pointer (RFC 6901); the whole document is the empty string."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def _decoded(text: bytes, *, with_constants: bool) -> Any:
    """The document; what some call a constant (NaN, Infinity) is JSON only where nobody sent it as text."""
    try:
        return from_json(text, allow_inf_nan=with_constants)
    except ValueError as error:
        raise Malformed("malformed_json", f"The body is not JSON: {error}.") from None


def _whole(escape: re.Match[bytes]) -> bytes:
    return HALF.encode() if escape["half"] else escape[0]


def _half_characters(document: Any) -> Iterator[Problem]:
    sentence = "Text cannot hold half a surrogate pair; write the character itself."
    for place, value in _leaves(document):
        if isinstance(value, str) and HALF in value:
            yield Problem(pointer=pointer(place), code="lone_surrogate", message=sentence)


def _leaves(document: Any) -> Iterator[tuple[Location, Any]]:
    pending: list[tuple[Location, Any]] = [((), document)]
    while pending:
        place, value = pending.pop()
        if isinstance(value, dict):
            pending += [((*place, key), member) for key, member in reversed(value.items())]
            yield from (((*place, key), key) for key in value)
        elif isinstance(value, list):
            pending += [((*place, index), value[index]) for index in reversed(range(len(value)))]
        else:
            yield place, value


def _objections(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and "\0" in value:
        yield "nul_character", "Text cannot hold the character U+0000."
    elif isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        yield "out_of_range", "Whole numbers are 64 bits wide; send a larger one as text."
    elif isinstance(value, float) and not math.isfinite(value):
        yield "out_of_range", "Must be a finite number."


def _placed(details: ErrorDetails, document: Any) -> tuple[Location, Location | None]:
    """Where in the document, without the names pydantic adds; and the place of the union that was tried, if any."""
    place: Location = ()
    union: Location | None = None
    value = document
    absent = details["type"] == "missing"
    for depth, part in enumerate(details["loc"]):
        last = depth == len(details["loc"]) - 1
        if _holds(value, part):
            place, value = (*place, part), value[part]
        elif absent and last:
            place = (*place, part)
        elif isinstance(part, str) and union is None:
            union = place
    return place, union


def _is_echo(details: ErrorDetails, place: Location, document: Any) -> bool:
    """Whether a list only seems too short because pydantic left out the items it has complained about already."""
    if details["type"] != "too_short":
        return False
    for part in place:
        document = document[part]
    return isinstance(document, list) and len(document) >= details.get("ctx", {})["min_length"]


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _branch(details: ErrorDetails, union: Location) -> str:
    return str(details["loc"][len(union)])


def _best_branch(place: str, branches: list[list[Problem]]) -> list[Problem]:
    """The branch that fits the value's shape; when none does, one sentence that names what would."""
    for branch in branches:
        if any(problem.pointer != place for problem in branch):
            return branch
    choices = dict.fromkeys(
        problem.message.removeprefix("Must be ").rstrip(".") for branch in branches for problem in branch
    )
    return [Problem(pointer=place, code=branches[0][0].code, message=f"Must be {', or '.join(choices)}.")]


def _sentence(details: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        known = ", ".join(f"`{name}`" for name in sorted(_members_at(model, details["loc"][:-1])))
        return f"`{details['loc'][-1]}` is not known here; known are {known}."
    if kind == "missing":
        return f"`{details['loc'][-1]}` is required."
    speak = SENTENCES.get(kind)
    return speak(context) if speak else details["msg"].rstrip(".") + "."


def _members_at(model: type[BaseModel], location: Location) -> Mapping[str, Any]:
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models_in(model.model_fields[part].annotation), model)
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
