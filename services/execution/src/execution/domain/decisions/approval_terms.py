"""What an approval asks, and of whom, as the data have it when the wait begins."""

from collections.abc import Mapping
from typing import Any

from chassis import schemas
from contracts.control_configs import MAX_APPROVERS
from execution.nodes.action import NodeFailure

TOLD = ("title", "description")
KEPT = ("form", "on_deadline", "on_reject")


def approval_terms(written: Mapping[str, Any], rendered: Mapping[str, Any]) -> dict[str, Any]:
    """What is recorded of an approval, so that whoever decides needs no other fact.

    `written` is the configuration with its templates, `rendered` with what came of them. Raises `NodeFailure` for
    approvers, or a form, that are none.
    """
    terms = {name: str(rendered[name]) for name in TOLD if rendered.get(name) is not None}
    terms |= {name: rendered[name] for name in KEPT if rendered.get(name) is not None}
    check_form(terms.get("form"))
    named = approvers_named(written.get("approvers") or {}, rendered.get("approvers") or {})
    return terms | ({"approvers": named} if named else {})


def check_form(form: Any) -> None:
    """Raise `NodeFailure` for a form that no answer could be judged by: its templates may have broken it."""
    if form is None:
        return
    for pointer, message in schemas.check_schema(form):
        raise NodeFailure("permanent", "bad_form", f"`form{pointer}` is no JSON Schema: {message}")


def approvers_named(written: Mapping[str, Any], rendered: Mapping[str, Any]) -> dict[str, list[str]]:
    """The users and teams; whom a template leaves unnamed must not become everybody who sees the run."""
    named = {member: names_in(member, rendered[member]) for member in ("users", "teams") if member in rendered}
    if any(isinstance(value, str) for value in written.values()) and not any(named.values()):
        raise NodeFailure("permanent", "bad_approvers", "`approvers` names nobody: its templates give empty lists.")
    return named


def names_in(member: str, value: Any) -> list[str]:
    """A list of names; a text is none, because every part of it would be a name."""
    is_list = isinstance(value, list) and len(value) <= MAX_APPROVERS
    if not is_list or not all(isinstance(name, str) and name for name in value):
        wanted = f"a list of at most {MAX_APPROVERS} names"
        raise NodeFailure("permanent", "bad_approvers", f"`approvers.{member}` must be {wanted}, but is {value!r}.")
    return list(value)
