"""Commands in, decisions recorded."""

from collections.abc import Mapping

from access.handlers import api_keys, audit, quotas, secrets, users
from chassis.answering import Answerer
from contracts.message import Request

COMMANDS: Mapping[type[Request], Answerer] = {
    **users.COMMANDS,
    **api_keys.COMMANDS,
    **secrets.COMMANDS,
    **quotas.COMMANDS,
    **audit.COMMANDS,
}
"""Every command of this service, and who answers it."""
