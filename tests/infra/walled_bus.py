"""A NATS server whose users have the permissions of a deployment, and what each of them is refused."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client

from chassis.bus import inbox_prefix, settle
from headrace.permissions import USERS, password_variable, users_conf
from tests.support.infrastructure import configured_nats

SERVER = "jetstream { store_dir: store, max_file_store: 100TB }\n"
REFUSED = re.compile(r"permissions violation for (publish|subscription) to \"([^\"]+)\"", re.IGNORECASE)


@contextmanager
def walled_bus(namespace: str) -> Iterator[dict[str, str]]:
    """The URL of each user."""
    passwords = {user: f"s{user}" for user in USERS}
    variables = {password_variable(user): password for user, password in passwords.items()}
    with configured_nats(SERVER + users_conf(namespace), **variables) as url:
        address = urlsplit(url).netloc
        yield {user: f"nats://{user}:{password}@{address}" for user, password in passwords.items()}


@dataclass
class Party:
    """One user's connection, and the subjects that the server refused it."""

    nc: Client
    refused: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    async def at(cls, url: str) -> "Party":
        """Connect as the user of the URL."""
        refused: set[tuple[str, str]] = set()

        async def complain(error: Exception) -> None:
            if found := REFUSED.search(str(error)):
                refused.add((found[1].lower(), found[2]))

        nc = await nats.connect(url, inbox_prefix=inbox_prefix(url), error_cb=complain)
        return cls(nc, refused)

    async def may_publish(self, *subjects: str) -> set[str]:
        """Those of the subjects that the server let pass."""
        for subject in subjects:
            await self.nc.publish(subject, b"{}")
        await settle(self.nc)
        return self._passed("publish", subjects)

    async def may_hear(self, *subjects: str) -> set[str]:
        """Those of the subjects that it may listen to."""
        for subject in subjects:
            await self.nc.subscribe(subject)
        await settle(self.nc)
        return self._passed("subscription", subjects)

    def _passed(self, verb: str, subjects: Iterable[str]) -> set[str]:
        # The client writes complaints in small letters.
        return {subject for subject in subjects if (verb, subject.lower()) not in self.refused}
