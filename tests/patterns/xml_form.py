"""Reads a process definition in XML: its tasks, what follows them, and what each kind may say."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from tests.patterns.definition import END, START, Condition, Definition, Successor, Task
from tests.patterns.elements import Element, root_of

TIMES = frozenset({"times", "times-field"})
THRESHOLD = frozenset({"threshold", "threshold-field", "cancel", "context"})
KINDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "start-task": frozenset(),
        "task": frozenset(),
        "simple": frozenset(),
        "multi-choice": frozenset(),
        "exclusive-choice": frozenset(),
        "join": THRESHOLD,
        "merge": THRESHOLD,
        "thread-split": TIMES,
        "thread-merge": THRESHOLD,
        "multi-instance": TIMES,
        "trigger": TIMES | {"context"},
        "choose": frozenset({"context"}),
        "gate": frozenset({"context"}),
        "cancel-task": frozenset({"context"}),
        "cancel": frozenset({"success"}),
        "acquire-mutex": frozenset({"mutex"}),
        "release-mutex": frozenset({"mutex"}),
        "sub-workflow": frozenset({"file"}),
    }
)
"""The kinds of task, and the attributes of each beside its name."""
NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "multi-instance": (("times", "times-field"),),
        "thread-split": (("times", "times-field"),),
        "thread-merge": (("context",),),
        "trigger": (("context",),),
        "choose": (("context",),),
        "gate": (("context",),),
        "acquire-mutex": (("mutex",),),
        "release-mutex": (("mutex",),),
        "sub-workflow": (("file",),),
    }
)
"""Attributes that a kind cannot do without."""
OPERATORS = frozenset({"equals", "not-equals", "less-than", "greater-than", "matches"})
SPLITS = frozenset({"multi-choice", "exclusive-choice"})
COMMON = frozenset(
    {"description", "successor", "default-successor", "pre-assign", "post-assign", "data", "define", "property"}
)
"""What every task may hold."""
SPECIAL = frozenset(
    {
        *(("conditional-successor", kind) for kind in SPLITS),
        ("cancel", "cancel-task"),
        ("pick", "choose"),
        ("in", "sub-workflow"),
        ("out", "sub-workflow"),
    }
)
"""What only some kinds hold."""
NAMING = frozenset({"successor", "default-successor", "cancel", "pick"})


def read(file: Path) -> Definition:
    """The definition in a file; raises `Refused`."""
    root = root_of(file)
    definition = Definition(file, root.attributes.get("name", file.stem), "", {})
    if root.tag != "process-definition":
        raise definition.refuse(root.line, f"<{root.tag}> where <process-definition> was expected")
    for element in root.children:
        if element.tag == "description":
            definition.description = " ".join(element.text.split())
        elif element.tag == "name":
            definition.name = element.text.strip()
        elif element.tag in KINDS:
            _take(definition, _task(definition, element))
        else:
            raise definition.refuse(element.line, f"the element <{element.tag}> is not known")
    _take(definition, Task(END, "End", "task", root.line))
    _check_names(definition)
    return definition


def _take(definition: Definition, task: Task) -> None:
    if task.name in definition.tasks:
        raise definition.refuse(task.line, f"there is a task `{task.shown}` already")
    definition.tasks[task.name] = task


def _task(definition: Definition, element: Element) -> Task:
    shown = "Start" if element.tag == "start-task" else element.attributes.get("name", "")
    if not shown:
        raise definition.refuse(element.line, f"<{element.tag}> needs a name")
    for attribute in element.attributes.keys() - KINDS[element.tag] - {"name"}:
        raise definition.refuse(element.line, f"<{element.tag}> takes no attribute `{attribute}`")
    task = Task(shown.lower(), shown, element.tag, element.line, element.attributes)
    _check_attributes(definition, task)
    for child in element.children:
        _take_child(definition, task, child)
    return task


def _check_attributes(definition: Definition, task: Task) -> None:
    for needed in NEEDED.get(task.kind, ()):
        if not any(task.attributes.get(attribute) for attribute in needed):
            raise definition.refuse(task.line, f"<{task.kind}> (`{task.shown}`) needs {' or '.join(needed)}")
    for attribute in ("times", "threshold"):
        text = task.attributes.get(attribute, "0")
        if not text.isdecimal():
            raise definition.refuse(task.line, f"{attribute} of `{task.shown}` must be a number, but is `{text}`")
        if attribute in task.attributes and f"{attribute}-field" in task.attributes:
            raise definition.refuse(task.line, f"`{task.shown}` has both {attribute} and {attribute}-field")


def _take_child(definition: Definition, task: Task, child: Element) -> None:
    tag, text = child.tag, " ".join(child.text.split()).lower()
    if tag in NAMING and not text:
        raise definition.refuse(child.line, f"<{tag}> of `{task.shown}` names no task")
    if tag not in COMMON and (tag, task.kind) not in SPECIAL:
        raise definition.refuse(child.line, f"<{tag}> is not known in <{task.kind}> (`{task.shown}`)")
    if tag in ("successor", "default-successor"):
        task.successors.append(Successor(text))
    elif tag == "conditional-successor":
        task.successors.append(_conditional(definition, task, child))
    elif tag in NAMING:
        (task.cancels if tag == "cancel" else task.picks).append(text)
    elif tag != "description":
        _assign(definition, task, child)


def _assign(definition: Definition, task: Task, child: Element) -> None:
    if child.tag in ("in", "out"):
        passed = task.passed_in if child.tag == "in" else task.passed_out
        passed.extend(_assignment(definition, each) for each in child.children)
    else:
        (task.after if child.tag == "post-assign" else task.before).append(_assignment(definition, child))


def _conditional(definition: Definition, task: Task, element: Element) -> Successor:
    names = [" ".join(child.text.split()).lower() for child in element.children if child.tag == "successor"]
    tests = [child for child in element.children if child.tag in OPERATORS]
    strange = next((child for child in element.children if child.tag not in OPERATORS | {"successor"}), None)
    if strange is not None:
        raise definition.refuse(strange.line, f"<{strange.tag}> is not known in a condition of `{task.shown}`")
    if len(names) != 1 or len(tests) != 1 or not names[0]:
        raise definition.refuse(element.line, f"a condition of `{task.shown}` needs one comparison and one successor")
    return Successor(
        names[0], Condition(tests[0].tag, *(_term(definition, tests[0], side) for side in ("left", "right")))
    )


def _term(definition: Definition, element: Element, side: str) -> tuple[str, str]:
    given = [
        (key, element.attributes[f"{side}-{key}"])
        for key in ("field", "value")
        if f"{side}-{key}" in element.attributes
    ]
    if len(given) != 1:
        raise definition.refuse(element.line, f"<{element.tag}> needs either {side}-field or {side}-value")
    return given[0]


def _assignment(definition: Definition, element: Element) -> tuple[str, tuple[str, str]]:
    given = [(key, element.attributes[key]) for key in ("field", "value") if key in element.attributes]
    if "name" not in element.attributes or len(given) != 1:
        raise definition.refuse(element.line, f"<{element.tag}> needs a name, and either a field or a value")
    return element.attributes["name"], given[0]


def _names(task: Task) -> Iterator[str]:
    yield from (successor.name for successor in task.successors)
    yield from (*task.cancels, *task.picks)
    if task.attributes.get("context"):
        yield task.attributes["context"].lower()


def _check_names(definition: Definition) -> None:
    if START not in definition.tasks:
        raise definition.refuse(1, "there is no <start-task>")
    for task in definition.tasks.values():
        for name in _names(task):
            if name not in definition.tasks:
                raise definition.refuse(task.line, f"`{task.shown}` names `{name}`, and there is no such task")
