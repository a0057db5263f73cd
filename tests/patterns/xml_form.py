"""Reads a process definition in XML: its tasks, what follows them, and what each kind may say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from xml.sax import SAXParseException, handler, make_parser
from xml.sax.xmlreader import AttributesImpl, Locator

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
START, END = "start", "end"


class Refused(ValueError):
    """The definition says something that is not understood; the message has the file, the line and the name."""


@dataclass
class Element:
    """One XML element, with the line it stands on."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list["Element"] = field(default_factory=list)
    text: str = ""


@dataclass(frozen=True)
class Condition:
    """Two terms compared; a term is a field's name or a value."""

    operator: str
    left: tuple[str, str]
    right: tuple[str, str]


@dataclass(frozen=True)
class Successor:
    """What follows a task, perhaps only on a condition."""

    name: str
    condition: Condition | None = None


@dataclass
class Task:
    """One task of the definition, its names in lower case."""

    name: str
    shown: str
    kind: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    successors: list[Successor] = field(default_factory=list)
    before: list[tuple[str, tuple[str, str]]] = field(default_factory=list)
    after: list[tuple[str, tuple[str, str]]] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    picks: list[str] = field(default_factory=list)
    passed_in: list[tuple[str, tuple[str, str]]] = field(default_factory=list)
    passed_out: list[tuple[str, tuple[str, str]]] = field(default_factory=list)


@dataclass
class Definition:
    """A whole process."""

    file: Path
    name: str
    description: str
    tasks: dict[str, Task]

    def refuse(self, line: int, why: str) -> Refused:
        """A refusal that says where."""
        return Refused(f"{self.file.name}, line {line}: {why}")


class _Tree(handler.ContentHandler):
    """Builds elements with their lines."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {}, 0)
        self.path = [self.root]
        self.locator: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - the interface's name
        self.locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - the interface's name
        line = self.locator.getLineNumber() if self.locator else None
        element = Element(name.lower(), {key.lower(): value.strip() for key, value in attrs.items()}, line or 0)
        self.path[-1].children.append(element)
        self.path.append(element)

    def endElement(self, name: str) -> None:  # noqa: N802 - the interface's name
        self.path.pop()

    def characters(self, content: str) -> None:
        self.path[-1].text += content


def read(file: Path) -> Definition:
    """The definition in a file; raises `Refused`."""
    tree = _Tree()
    parser = make_parser()  # noqa: S317 - whoever runs it names the file
    parser.setContentHandler(tree)
    try:
        parser.parse(str(file))
    except SAXParseException as error:
        raise Refused(f"{file.name}, line {error.getLineNumber()}: {error.getMessage()}") from error
    root = tree.root.children[0]
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
    for child in element.children:
        _take_child(definition, task, child)
    return task


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
