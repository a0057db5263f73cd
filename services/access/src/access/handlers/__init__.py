"""Commands in, decisions recorded."""

from collections.abc import Mapping

from access.handlers import users
from chassis.answering import Answerer
from contracts.message import Request

COMMANDS: Mapping[type[Request], Answerer] = {**users.COMMANDS}
"""Every command of this service, and who answers it."""
