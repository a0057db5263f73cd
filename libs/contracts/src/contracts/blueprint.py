"""Commands, events, queries and views of blueprints and templates."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.message import Caller, Capability, Command, Event, Message, Moment, Query, StrictMessage, View
from contracts.refusal import Problem
from contracts.roles import may
from contracts.workflow import MAX_EDGES, MAX_NODES, BlueprintConfig, Edge, Node, Visibility

MAX_PAGE = 200
DEFAULT_PAGE = 50
MAX_TAGS = 50

Name = Annotated[str, Field(min_length=1, max_length=255)]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
PageLimit = Annotated[int, Field(ge=1, le=MAX_PAGE)]


class BlueprintBody(StrictMessage):
    """What people write: the body of POST and PUT, and exactly the content of a blueprint file."""

    name: Name
    description: str = Field(default="", max_length=10_000)
    nodes: tuple[Node, ...] = Field(min_length=1, max_length=MAX_NODES)
    edges: tuple[Edge, ...] = Field(default=(), max_length=MAX_EDGES)
    config: BlueprintConfig = BlueprintConfig()
    tags: tuple[Tag, ...] = Field(default=(), max_length=MAX_TAGS)
    is_template: bool = False
    visibility: Visibility = "private"
    team_id: str | None = Field(default=None, min_length=1, max_length=128)


class BlueprintView(View):
    """One version of a blueprint, whole."""

    id: UUID
    name: str
    description: str
    version: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    config: BlueprintConfig
    tags: tuple[str, ...]
    is_template: bool
    parent_id: UUID | None
    owner_id: str
    team_id: str | None
    visibility: Visibility
    created_at: Moment
    updated_at: Moment
    archived_at: Moment | None


class BlueprintSummary(View):
    """A blueprint as a list shows it: without its graph, with the number of its nodes."""

    id: UUID
    name: str
    description: str
    version: int
    node_count: int
    config: BlueprintConfig
    tags: tuple[str, ...]
    is_template: bool
    parent_id: UUID | None
    owner_id: str
    team_id: str | None
    visibility: Visibility
    created_at: Moment
    updated_at: Moment
    archived_at: Moment | None


class TemplateSummary(BlueprintSummary):
    """A template in the library, with how often it was cloned."""

    clone_count: int


class BlueprintPage(View):
    """A keyset page, newest first."""

    items: tuple[BlueprintSummary, ...]
    next_cursor: str | None


class TemplatePage(View):
    """A keyset page of the template library, newest first."""

    items: tuple[TemplateSummary, ...]
    next_cursor: str | None


class ValidationView(View):
    """The answer of a dry run: every problem at once, nothing written."""

    valid: bool
    problems: tuple[Problem, ...]


class BlueprintReference(Message):
    """What a run needs to know of a blueprint at one ledger position; the gateway carries it into the command."""

    id: UUID
    version: int
    position: int
    """Ledger position (in the blueprint service) of the blueprint's last event."""
    latest_version: int
    owner_id: str
    team_id: str | None
    visibility: Visibility
    archived: bool

    def visible_to(self, caller: Caller) -> bool:
        """Owner; members of its team unless private; everybody when public."""
        return may_see(caller, self.owner_id, self.team_id, self.visibility)


def may_see(caller: Caller, owner_id: str, team_id: str | None, visibility: Visibility) -> bool:
    """The one visibility rule of blueprints."""
    if visibility == "public" or caller.user_id == owner_id:
        return True
    return visibility == "team" and may(caller, "read", team_id)


class BlueprintCommand(Command):
    """A command that the blueprint service answers."""

    SERVICE = "blueprint"


class BlueprintQuery(Query):
    """A query that the blueprint service answers."""

    SERVICE = "blueprint"


class CreateBlueprint(BlueprintCommand):
    """Record version 1. Refused (422) with every problem of the graph at once."""

    JUDGES_VALUES = True
    ANSWER: ClassVar = BlueprintView
    blueprint_id: UUID
    body: BlueprintBody


class ValidateBlueprint(BlueprintQuery):
    """What `CreateBlueprint` would refuse; writes nothing."""

    JUDGES_VALUES = True
    ANSWER: ClassVar = ValidationView
    NEEDS: ClassVar[Capability | None] = "edit"
    body: BlueprintBody


class ValidateText(BlueprintQuery):
    """Every problem of a body that may be no `BlueprintBody`: of its shape, and of its graph as far as it can be read.

    With `blueprint_id` it is the body of an update, refused to whoever may not make it; writes nothing.
    """

    JUDGES_VALUES = True
    ANSWER: ClassVar = ValidationView
    NEEDS: ClassVar[Capability | None] = "edit"
    text: str
    """The body as it was sent: JSON."""
    blueprint_id: UUID | None = None
    if_match: int | None = None


class UpdateBlueprint(BlueprintCommand):
    """Record the next version: its owner, and who has `edit` in its team. `if_match` is the version that was read.

    With whom it is shared only the owner changes, and who has `manage` in the team.
    """

    JUDGES_VALUES = True
    ANSWER: ClassVar = BlueprintView
    blueprint_id: UUID
    body: BlueprintBody
    if_match: int | None = None


class ArchiveBlueprint(BlueprintCommand):
    """Delete: running instances finish, new executions are refused; a second time changes nothing."""

    ANSWER: ClassVar = BlueprintReference
    blueprint_id: UUID


class CloneTemplate(BlueprintCommand):
    """A private blueprint of the caller's own, made from a template (409 when it is none)."""

    JUDGES_VALUES = True
    ANSWER: ClassVar = BlueprintView
    template_id: UUID
    clone_id: UUID
    name: Name | None = None


class GetBlueprint(BlueprintQuery):
    """One version, the latest by default."""

    ANSWER: ClassVar = BlueprintView
    blueprint_id: UUID
    version: int | None = None


class ResolveBlueprint(BlueprintQuery):
    """The facts a run needs, read from the ledger: never stale. Not a word of what the blueprint holds."""

    ANSWER: ClassVar = BlueprintReference
    NEEDS: ClassVar[Capability | None] = None
    blueprint_id: UUID
    version: int | None = None


class ListBlueprints(BlueprintQuery):
    """What the caller may see and has not been archived, filtered, newest first."""

    ANSWER: ClassVar = BlueprintPage
    owner: str | None = None
    team: str | None = None
    tag: str | None = None
    q: str | None = None
    node_type: str | None = None
    is_template: bool | None = None
    limit: PageLimit = DEFAULT_PAGE
    cursor: str | None = None


class ListTemplates(BlueprintQuery):
    """The library: own, team, public and built-in templates."""

    ANSWER: ClassVar = TemplatePage
    tag: str | None = None
    q: str | None = None
    limit: PageLimit = DEFAULT_PAGE
    cursor: str | None = None


class BlueprintEvent(Event):
    """A fact about one blueprint (`originator_id`)."""

    SERVICE = "blueprint"


class BlueprintVersionRecorded(BlueprintEvent):
    """What creation and update have in common: one whole, immutable version."""

    version: int
    name: str
    description: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    config: BlueprintConfig
    tags: tuple[str, ...]
    is_template: bool
    by: str
    """Who did it (user id)."""


class BlueprintCreated(BlueprintVersionRecorded):
    """Version 1 of a blueprint, written or cloned (`parent_id`), with its owner and visibility."""

    owner_id: str
    team_id: str | None
    visibility: Visibility
    parent_id: UUID | None


class BlueprintUpdated(BlueprintVersionRecorded):
    """A later version; instances of the earlier ones stay on theirs."""


class BlueprintShared(BlueprintEvent):
    """Who may see it has changed."""

    visibility: Visibility
    team_id: str | None
    by: str


class BlueprintArchived(BlueprintEvent):
    """Deleted for new executions."""

    by: str


BLUEPRINT_EVENTS: tuple[type[BlueprintEvent], ...] = (
    BlueprintCreated,
    BlueprintUpdated,
    BlueprintShared,
    BlueprintArchived,
)
"""Everything the blueprint service says."""
