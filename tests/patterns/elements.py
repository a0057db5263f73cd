"""XML as elements that know the line they stand on."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.sax import SAXParseException, handler, make_parser
from xml.sax.xmlreader import AttributesImpl, Locator

from tests.patterns.definition import Refused


@dataclass
class Element:
    """One XML element, with the line it stands on."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list["Element"] = field(default_factory=list)
    text: str = ""


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


def root_of(file: Path) -> Element:
    """The outermost element of a file; raises `Refused` when it is no XML."""
    tree = _Tree()
    parser = make_parser()  # noqa: S317 - whoever runs it names the file
    parser.setContentHandler(tree)
    try:
        parser.parse(str(file))
    except SAXParseException as error:
        raise Refused(f"{file.name}, line {error.getLineNumber()}: {error.getMessage()}") from error
    return tree.root.children[0]
