"""Rows to views; and, from the ledger itself, what the door must know."""

from collections.abc import Mapping

from access.queries import users
from chassis.answering import Answerer
from contracts.message import Request

QUERIES: Mapping[type[Request], Answerer] = {**users.QUERIES}
"""Every query of this service, and who answers it."""
