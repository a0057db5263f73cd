"""Where a blueprint may mention a secret, and how: `${ secrets.NAME }`, in what a node that acts sends out."""

import re
from collections.abc import Iterator
from functools import lru_cache

from contracts.expression_text import SECRETS, expressions_in, paths, templates_in
from contracts.message import JsonObject
from contracts.node_types import ACTING_TYPES, NODE_TYPES

_MENTION = re.compile(rf"{SECRETS}\.([A-Za-z_][A-Za-z0-9_]{{0,63}})\Z")


def takes_secrets(node_type: str) -> bool:
    """Whether a node of this type acts on the world: tool, http, model, and whatever packages bring."""
    return node_type in ACTING_TYPES or node_type not in NODE_TYPES


def secret_in(expression: str) -> str | None:
    """The name of the secret that an expression stands for, if it is nothing else."""
    mention = _MENTION.match(expression)
    return mention[1] if mention else None


def secrets_in(config: JsonObject) -> tuple[str, ...]:
    """The names of the secrets that the templates of a configuration mention, each once."""
    expressions = (expression for _, template in templates_in(config) for expression in expressions_in(template))
    return tuple(dict.fromkeys(name for expression in expressions if (name := secret_in(expression))))


def secret_complaints(expression: str, *, allowed: bool) -> Iterator[tuple[str, str]]:
    """Code and sentence when an expression mentions a secret where or how none may be.

    A secret is never part of a longer expression: what is computed from it could not be told from other values, and
    so not be hidden where values are shown.
    """
    if not _mentions_secrets(expression):
        return
    if not allowed:
        sentence = (
            f"`{expression}` reads `{SECRETS}`, which has values only in what tool, http and model nodes send out: "
            "not in conditions, keys, policies or nodes that merely compute, for what these see is recorded."
        )
        yield "secret_elsewhere", sentence
    elif secret_in(expression) is None:
        sentence = (
            f"`{expression}` must name one secret and do nothing with it: write `${{ {SECRETS}.NAME }}`, "
            'with text around it where it is needed, as in "Bearer ${ secrets.NAME }".'
        )
        yield "bad_secret", sentence


@lru_cache(maxsize=4_096)
def _mentions_secrets(expression: str) -> bool:
    return any(path[0] == SECRETS for path in paths(expression))
