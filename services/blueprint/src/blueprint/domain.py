"""Blueprint: created, revised, shared, cloned, archived, and when each of that is refused."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from blueprint.permissions import Belonging, secret_problems, sharing_problems
from chassis.aggregate import Aggregate
from contracts import blueprint as contracts
from contracts.blueprint import BlueprintBody, BlueprintReference, BlueprintView
from contracts.message import Caller, JsonObject
from contracts.refusal import Conflict, Invalid, PreconditionFailed, Problem
from contracts.workflow import Visibility

CONTENT = ("name", "description", "nodes", "edges", "config", "tags", "is_template")
"""The members of a body that make a version; the others say who may see the blueprint, in all its versions."""


class Blueprint(Aggregate):
    """One workflow: its latest version, its owner, and who else may see it.

    Every rule is checked by the command method, before anything is triggered; applying an event only assigns.
    """

    class BlueprintCreated(contracts.BlueprintCreated, Aggregate.Created):
        """Begins the stream."""

        def apply(self, aggregate: Any) -> None:
            """Version 1, and what stays for ever: the owner and the parent."""
            aggregate.owner_id = self.owner_id
            aggregate.parent_id = self.parent_id
            aggregate.body = body_of(self, self.visibility, self.team_id)
            aggregate.original = aggregate.body
            aggregate.revised_on = self.timestamp

    class BlueprintUpdated(contracts.BlueprintUpdated, Aggregate.Event):
        """Adds a version."""

        def apply(self, aggregate: Any) -> None:
            """The new version, seen by whoever saw the old one."""
            aggregate.body = body_of(self, aggregate.body.visibility, aggregate.body.team_id)
            aggregate.latest_version = self.version
            aggregate.revised_on = self.timestamp

    class BlueprintShared(contracts.BlueprintShared, Aggregate.Event):
        """Changes who may see all versions."""

        def apply(self, aggregate: Any) -> None:
            """The same version, seen by others."""
            sharing = {"visibility": self.visibility, "team_id": self.team_id}
            aggregate.body = aggregate.body.model_copy(update=sharing)

    class BlueprintArchived(contracts.BlueprintArchived, Aggregate.Event):
        """Ends its use."""

        def apply(self, aggregate: Any) -> None:
            """Readable for ever, usable no more."""
            aggregate.archived_on = self.timestamp

    def __init__(self) -> None:
        self.owner_id = ""
        self.parent_id: UUID | None = None
        self.body = BlueprintBody.model_construct(name="", nodes=())
        self.original = self.body
        self.latest_version = 1
        self.revised_on: datetime = self.created_on
        self.archived_on: datetime | None = None

    @classmethod
    def create(cls, id: UUID, body: BlueprintBody, caller: Caller, parent_id: UUID | None = None) -> Self:
        """Version 1, owned by the caller; refused (422) when the caller may not share it as the body says."""
        refuse(sharing_problems(body, caller))
        return cls._create(
            cls.BlueprintCreated,
            id=id,
            version=1,
            **content_of(body),
            by=caller.user_id,
            owner_id=caller.user_id,
            team_id=body.team_id,
            visibility=body.visibility,
            parent_id=parent_id,
        )

    def revise(self, body: BlueprintBody, caller: Caller, if_match: int | None = None) -> None:
        """The next version, also when nothing differs. `if_match` is the version that the caller has read."""
        self.check_revisable(caller, if_match)
        self.check_sharing(body, caller)
        refuse(self.sharing_problems(body, caller))
        sharing_differs = self._sharing_differs(body)
        self.trigger_event(
            self.BlueprintUpdated, version=self.latest_version + 1, **content_of(body), by=caller.user_id
        )
        if sharing_differs:
            self.trigger_event(
                self.BlueprintShared, visibility=body.visibility, team_id=body.team_id, by=caller.user_id
            )

    def archive(self, caller: Caller) -> None:
        """No new runs, no changes, no clones; a second time changes nothing."""
        self.belonging.check_changed_by(caller)
        if self.archived_on is None:
            self.trigger_event(self.BlueprintArchived, by=caller.user_id)

    def clone(self, clone_id: UUID, caller: Caller, name: str | None = None) -> Self:
        """The caller's own private copy of this template."""
        self.belonging.check_seen_by(caller)
        self.check_in_use()
        if not self.body.is_template:
            raise Conflict(
                "not_a_template",
                f"Blueprint {self.id} is not a template: its owner can make it one by setting `is_template`.",
            )
        own = {"name": name or self.body.name, "is_template": False, "visibility": "private", "team_id": None}
        return self.create(clone_id, self.body.model_copy(update=own), caller, parent_id=self.id)

    def check_revisable(self, caller: Caller, if_match: int | None) -> None:
        """Refuse who may not change it, a blueprint out of use, and a caller who has read another version."""
        self.belonging.check_changed_by(caller)
        self.check_in_use()
        if if_match not in (None, self.latest_version):
            raise PreconditionFailed(
                "version_mismatch",
                f"Blueprint {self.id} is at version {self.latest_version}, not {if_match}: read it and change that.",
            )

    def check_sharing(self, body: BlueprintBody, caller: Caller) -> None:
        """Refuse (403) who may change it, but not with whom it is shared."""
        if self._sharing_differs(body):
            self.belonging.check_shared_by(caller)

    def sharing_problems(self, body: BlueprintBody, caller: Caller) -> tuple[Problem, ...]:
        """What keeps the caller from sharing it as the body says; nothing does when it stays shared as it is.

        Secrets that it reads must be the caller's to use in any case.
        """
        shared = sharing_problems(body, caller) if self._sharing_differs(body) else ()
        return (*shared, *secret_problems(body, caller, self.owner_id))

    def begins_like(self, other: Self) -> bool:
        """Whether the other one was made by the same command. Of a clone the template may have moved on since."""
        if (self.owner_id, self.parent_id) != (other.owner_id, other.parent_id):
            return False
        return self.parent_id is not None or self.original == other.original

    def check_in_use(self) -> None:
        """Refuse (409) what an archived blueprint is no longer good for."""
        if self.archived_on is not None:
            raise Conflict("archived", f"Blueprint {self.id} is archived: it can be read, but not used or changed.")

    @property
    def belonging(self) -> Belonging:
        """Whose it is, and with whom it is shared, right now."""
        return Belonging(self.id, self.owner_id, self.body.team_id, self.body.visibility)

    def view(self) -> BlueprintView:
        """The latest version."""
        return self._view(self.body, self.latest_version, self.revised_on, self.archived_on)

    def original_view(self) -> BlueprintView:
        """What its creation answered, and answers again."""
        return self._view(self.original, 1, self.created_on, None)

    def reference(self) -> BlueprintReference:
        """What others need to know of the latest version, at the position of the last recorded event."""
        return BlueprintReference(
            id=self.id,
            version=self.latest_version,
            position=self.position,
            latest_version=self.latest_version,
            owner_id=self.owner_id,
            team_id=self.body.team_id,
            visibility=self.body.visibility,
            archived=self.archived_on is not None,
        )

    def _sharing_differs(self, body: BlueprintBody) -> bool:
        return (body.visibility, body.team_id) != (self.body.visibility, self.body.team_id)

    def _view(
        self, body: BlueprintBody, version: int, updated_at: datetime, archived_at: datetime | None
    ) -> BlueprintView:
        return BlueprintView(
            id=self.id,
            version=version,
            **content_of(body),
            parent_id=self.parent_id,
            owner_id=self.owner_id,
            team_id=body.team_id,
            visibility=body.visibility,
            created_at=self.created_on,
            updated_at=updated_at,
            archived_at=archived_at,
        )


def refuse(problems: tuple[Problem, ...]) -> None:
    """Raise one refusal (422) that lists all problems, if there are any."""
    if problems:
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Invalid("invalid_blueprint", f"The blueprint has {count}; see `errors`.", problems)


def content_of(body: BlueprintBody) -> JsonObject:
    """The members that make a version, by name."""
    return {member: getattr(body, member) for member in CONTENT}


def body_of(recorded: contracts.BlueprintVersionRecorded, visibility: Visibility, team_id: str | None) -> BlueprintBody:
    """A recorded version as its author could have written it."""
    content = {member: getattr(recorded, member) for member in CONTENT}
    return BlueprintBody.model_construct(**content, visibility=visibility, team_id=team_id)
