"""What the handlers and queries of this service work with."""

from dataclasses import dataclass

from access.audit_log import AuditLog
from access.data_keys import DataKeys
from access.domain.api_keys import ApiKey
from access.domain.quotas import Quota
from access.domain.secrets import Secret
from access.domain.users import User
from chassis.ledger import EventStore
from chassis.read_model import ReadModel
from chassis.streams import Streams


@dataclass(frozen=True, slots=True)
class Collaborators:
    """The streams to decide on, the keys to seal with, the rows to read, the log to write."""

    users: Streams[User]
    api_keys: Streams[ApiKey]
    secrets: Streams[Secret]
    quotas: Streams[Quota]
    keys: DataKeys
    rows: ReadModel
    audit: AuditLog

    @classmethod
    def on(cls, store: EventStore, keys: DataKeys, rows: ReadModel, audited: ReadModel) -> "Collaborators":
        """All that stands on one ledger."""
        return cls(
            users=Streams(store, User),
            api_keys=Streams(store, ApiKey, "api_key"),
            secrets=Streams(store, Secret),
            quotas=Streams(store, Quota),
            keys=keys,
            rows=rows,
            audit=AuditLog(store, keys, audited),
        )
