"""A deployment for the doctor to look at, and ways to make it ill."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from chassis import provision
from chassis.bus import Bus
from chassis.envelope import POSITION
from chassis.publishing import EXPECTED_LAST_SEQUENCE
from headrace.doctor import examination
from headrace.doctor.findings import Finding
from headrace.doctor.target import Target

FORGETFUL = {"durability"}
"""What the suite's Postgres is, on purpose."""
NOBODY_RUNS = {"processes"}
EVENT = """
INSERT INTO events (originator_id, originator_version, topic, state, event_id)
VALUES ($1, $2, $3, '{}', gen_random_uuid()) RETURNING notification_id
"""
INSTANCE = """
INSERT INTO workflow_instances
    (instance_id, version, blueprint_id, blueprint_version, user_id, status, metadata, created_at, worker_id,
     resumes_at)
VALUES ($1, 1, $2, 1, 'ada', $3, '{}', now() - interval '1 hour', $4, now() - $5::interval)
"""


@dataclass
class Patient:
    """Empty schemas and streams as they should be, and ways to spoil them."""

    target: Target
    bus: Bus

    async def execute(self, service: str, statement: str, *values: Any) -> Any:
        connection = await asyncpg.connect(self.target.dsns[service], server_settings={"search_path": service})
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    async def examined(self, *but: str) -> list[Finding]:
        """What is not well, except what is known."""
        found = await examination.examine(self.target, lambda _: None)
        known = FORGETFUL | NOBODY_RUNS | set(but)
        return [finding for finding in found if finding.level != "ok" and finding.check not in known]

    async def has(self, check: str, level: str, *words: str) -> None:
        found = [finding for finding in await self.examined() if (finding.check, finding.level) == (check, level)]
        assert [one for one in found if all(word in one.sentence for word in words)], found

    async def edit(self, service: str, **changes: Any) -> None:
        await self.bus.js.delete_stream(self.bus.stream(service))
        await self.bus.js.add_stream(provision.event_stream(self.bus.namespace, service).evolve(**changes))

    async def publish_as_relay(self, service: str, position: int) -> None:
        """The first fact on the stream of the service, as its relay would put it there."""
        headers = {POSITION: str(position), EXPECTED_LAST_SEQUENCE: "0"}
        await self.bus.js.publish(self.bus.subject(service, "InstanceStarted", "1"), b"{}", headers=headers)

    async def instance(self, status: str, worker: UUID | None = None, overdue: float | None = None) -> UUID:
        """A row, and what it refers to."""
        instance_id, blueprint_id = uuid4(), uuid4()
        await self.blueprint(blueprint_id)
        interval = None if overdue is None else timedelta(seconds=overdue)
        await self.execute("execution", INSTANCE, instance_id, blueprint_id, status, worker, interval)
        return instance_id

    async def blueprint(self, blueprint_id: UUID) -> None:
        await self.execute(
            "blueprint",
            "INSERT INTO workflow_blueprints (blueprint_id, owner_id, visibility, version, is_template, clone_count, "
            "search_text, created_at) VALUES ($1, 'ada', 'private', 1, false, 0, '', now())",
            blueprint_id,
        )
        await self.execute(
            "blueprint",
            "INSERT INTO workflow_blueprint_versions (blueprint_id, version, name, description, is_template, "
            "node_count, listed_bytes, recorded_at, recorded_by) VALUES ($1, 1, 'x', '', false, 0, 0, now(), 'ada')",
            blueprint_id,
        )
        await self.execute("execution", "INSERT INTO known_versions VALUES ($1, 1, '{}')", blueprint_id)
