"""API keys: issue, revoke."""

import secrets
from collections.abc import Mapping

from access.collaborators import Collaborators
from access.domain.api_keys import ApiKey, not_found
from access.recording import metadata
from chassis import clock
from chassis.answering import Answerer
from contracts.api_keys import (
    ApiKeyView,
    IssueApiKey,
    IssuedApiKeyView,
    RevokeApiKey,
    secret_digest,
    written_key,
)
from contracts.message import Request

SECRET_BYTES = 32


async def issue(command: IssueApiKey, at: Collaborators) -> IssuedApiKeyView:
    """Record a key and show it, this once: what opens it is kept nowhere."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey.issue(command, secret_digest(secret), clock.now())
    await at.api_keys.add(key, metadata(key.id))
    return IssuedApiKeyView(**key.view().model_dump(), key=written_key(key.id, secret))


async def revoke(command: RevokeApiKey, at: Collaborators) -> ApiKeyView:
    """End a key; a second time changes nothing."""

    def decide(key: ApiKey | None) -> ApiKey:
        if key is None:
            raise not_found()
        key.revoke(command.caller)
        return key

    return (await at.api_keys.settle(command.key_id, decide, metadata(command.key_id))).view()


COMMANDS: Mapping[type[Request], Answerer] = {IssueApiKey: issue, RevokeApiKey: revoke}
