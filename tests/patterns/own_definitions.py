"""Definitions of our own with the paths they take, for constructs and mixtures of constructs."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

import yaml

CHILDREN = frozenset({"kill", "pick", "sets"})
COMPARISONS = {"==": "equals", "!=": "not-equals", "<": "less-than", ">": "greater-than", "~": "matches"}


def a_definition(*tasks: str) -> str:
    """XML of tasks such as `join j context=s threshold=2 -> next`.

    `kill=x` is a task that is cancelled, `pick=x` one that is chosen, `sets=n:1` an assignment; what follows is
    `name`, `name?else`, or `name?$field==value`.
    """
    lines = [line for task in tasks for line in _task(task)]
    return "\n".join(["<process-definition name='own'>", *lines, "</process-definition>"])


def _task(text: str) -> list[str]:
    head, _, follows = text.partition("->")
    kind, *words = head.split()
    kind = "start-task" if kind == "start" else kind
    pairs = [tuple(word.split("=")) for word in words if "=" in word]
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in pairs if key not in CHILDREN)
    name = "".join(f" name={quoteattr(word)}" for word in words if "=" not in word)
    inside = [_child(key, value) for key, value in pairs if key in CHILDREN]
    inside += [_follower(each.strip()) for each in follows.split(",") if each.strip()]
    return [f"<{kind}{name}{attributes}>", *inside, f"</{kind}>"]


def _child(key: str, value: str) -> str:
    if key == "sets":
        name, _, given = value.partition(":")
        return f"<pre-assign name={quoteattr(name)} value={quoteattr(given)}/>"
    return f"<cancel>{value}</cancel>" if key == "kill" else f"<pick>{value}</pick>"


def _follower(text: str) -> str:
    name, _, condition = text.partition("?")
    if condition in ("", "else"):
        tag = "default-successor" if condition else "successor"
        return f"<{tag}>{name}</{tag}>"
    sign = next(sign for sign in ("==", "!=", "<", ">", "~") if sign in condition)
    terms = zip(("left", "right"), condition.split(sign), strict=True)
    sides = [f"{side}-{'field' if term[0] == '$' else 'value'}={quoteattr(term.lstrip('$'))}" for side, term in terms]
    comparison = f"<{COMPARISONS[sign]} {' '.join(sides)}/>"
    return f"<conditional-successor>{comparison}<successor>{name}</successor></conditional-successor>"


SEQUENCE = """<process-definition name="own">
<start-task><successor>a</successor></start-task>
<task name="a"><successor>b</successor></task>
<task name="b"><successor>end</successor></task>

</process-definition>"""

OWN: dict[str, tuple[str, str]] = {
    name: (a_definition(*each["tasks"]), each["path"])
    for name, each in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")).items()
}
"""By what they are about: the definition and its path."""
