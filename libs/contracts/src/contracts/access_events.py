"""Everything that the access service says."""

from contracts.access import (
    AccessEvent,
    RoleGranted,
    RoleRevoked,
    UserActivated,
    UserDeactivated,
    UserErased,
    UserRegistered,
    UserRenamed,
)
from contracts.api_keys import ApiKeyIssued, ApiKeyRevoked
from contracts.audit import CommandsAudited
from contracts.quotas import QuotaSet
from contracts.secrets import SecretDeleted, SecretStored

ACCESS_EVENTS: tuple[type[AccessEvent], ...] = (
    UserRegistered,
    UserRenamed,
    UserDeactivated,
    UserActivated,
    UserErased,
    RoleGranted,
    RoleRevoked,
    ApiKeyIssued,
    ApiKeyRevoked,
    SecretStored,
    SecretDeleted,
    QuotaSet,
    CommandsAudited,
)
"""Everything the access service says."""
