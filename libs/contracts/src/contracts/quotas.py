"""Commands, events, queries and views of quotas."""

from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from contracts.access import AccessCommand, AccessEvent, AccessQuery, SubjectKind, UserId
from contracts.message import Capability, Moment, StrictMessage, Usd, View

MAX_COUNT = 2**53
"""What every reader of JSON can count to."""


class QuotaLimits(StrictMessage):
    """What a user or a team may use; None: as much as there is. A day is a day in UTC."""

    executions_per_day: int | None = Field(default=None, ge=0, le=MAX_COUNT)
    concurrent_executions: int | None = Field(default=None, ge=0, le=MAX_COUNT)
    tokens_per_day: int | None = Field(default=None, ge=0, le=MAX_COUNT)
    cost_per_day: Decimal | None = Field(default=None, ge=0, max_digits=18, decimal_places=6)
    """US dollars."""


class QuotaView(View):
    """The quota of one user or team."""

    kind: SubjectKind
    owner: str
    executions_per_day: int | None
    concurrent_executions: int | None
    tokens_per_day: int | None
    cost_per_day: Usd | None
    updated_at: Moment


class QuotaList(View):
    """By kind and owner."""

    items: tuple[QuotaView, ...]


class SetQuota(AccessCommand):
    """Replace the quota of a user or a team. The deployment's admin only."""

    ANSWER: ClassVar = QuotaView
    kind: SubjectKind
    owner: UserId
    limits: QuotaLimits


class ListQuotas(AccessQuery):
    """All of them for the deployment's admin, else the caller's own and the caller's teams'."""

    ANSWER: ClassVar = QuotaList
    NEEDS: ClassVar[Capability | None] = "read"


class QuotaSet(AccessEvent):
    """From now on; limits that are all None lift it."""

    kind: SubjectKind
    owner: str
    limits: QuotaLimits
    by: str
