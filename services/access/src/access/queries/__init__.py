"""Rows to views; and, from the ledger itself, what the door must know."""

from collections.abc import Mapping

from access.queries import api_keys, audit, quotas, secrets, users
from chassis.answering import Answerer
from contracts.message import Request

QUERIES: Mapping[type[Request], Answerer] = {
    **users.QUERIES,
    **api_keys.QUERIES,
    **secrets.QUERIES,
    **quotas.QUERIES,
    **audit.QUERIES,
}
"""Every query of this service, and who answers it."""
