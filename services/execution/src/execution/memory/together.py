"""All that workers share in Postgres, as the middleware use it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

import asyncpg

from execution.driving.records import Records
from execution.memory.answers import PostgresAnswers
from execution.memory.deployment import Deployment
from execution.memory.limits import PostgresLimits
from execution.memory.quotas import PostgresQuotas
from execution.memory.sections import PostgresSections
from execution.middleware.contract import Surroundings, Tell
from execution.steering.mailboxes import Mailboxes


@dataclass(frozen=True, slots=True)
class SharedMemory:
    """Answers, rates, quotas and critical sections."""

    answers: PostgresAnswers
    limits: PostgresLimits
    quotas: PostgresQuotas
    sections: PostgresSections

    @classmethod
    def of(cls, pool: asyncpg.Pool) -> Self:
        """`pool` sees the execution schema."""
        return cls(PostgresAnswers(pool), PostgresLimits(pool), PostgresQuotas(pool), PostgresSections(pool))

    def surroundings(self, records: Records, tell: Tell, deployment: Deployment) -> Surroundings:
        """What middleware may use beside the event and the instance."""
        return Surroundings(self.answers, self.limits, self.quotas, self.sections, Mailboxes(records), tell, deployment)

    @property
    def chores(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """What is to be tidied up now and then."""
        return self.answers.forget_expired, self.limits.forget_idle, self.quotas.tidy_up
