"""The doctor looks into the rows: what is stuck, and what refers to nothing."""

from uuid import uuid4

import pytest

from tests.headrace.patients import EVENT, Patient


class TestInstances:
    async def test_without_a_living_worker(self, patient: Patient):
        instance_id = await patient.instance("running", worker=uuid4())

        await patient.has("stuck instances", "fail", str(instance_id), "without a living worker")

    async def test_whose_time_has_passed(self, patient: Patient):
        instance_id = await patient.instance("waiting", overdue=120)

        await patient.has("stuck instances", "fail", str(instance_id), "wait for a time that passed")

    async def test_that_nobody_claims(self, patient: Patient):
        instance_id = await patient.instance("pending")

        await patient.has("stuck instances", "warn", str(instance_id), "no worker has room")

    async def test_that_are_claimed_again_and_again(self, patient: Patient):
        worker = uuid4()
        await patient.execute("execution", "INSERT INTO workers (worker_id) VALUES ($1)", worker)
        stuck, going = await patient.instance("running", worker), await patient.instance("running", worker)
        for version in range(1, 7):
            await patient.execute("execution", EVENT, stuck, version, "InstanceClaimed")
            await patient.execute("execution", EVENT, going, version, "InstanceClaimed")
        await patient.execute("execution", EVENT, going, 7, "NodeCompleted")

        found = [one.sentence for one in await patient.examined("relay")]

        assert found == [f"1 instances ({stuck}) were claimed 5 times or more without getting any further."]

    async def test_a_worker_that_went_without_goodbye_is_no_problem(self, patient: Patient):
        gone = "INSERT INTO workers (worker_id, heartbeat_at) VALUES (gen_random_uuid(), now() - interval '1 minute')"
        await patient.execute("execution", gone)

        assert await patient.examined() == []


class TestOrphans:
    @pytest.mark.parametrize(
        ("service", "gone", "words"),
        [
            ("blueprint", "TRUNCATE workflow_blueprints CASCADE", "1 blueprints are run and do not exist"),
            ("blueprint", "TRUNCATE workflow_blueprint_versions CASCADE", "1 versions are run and are not recorded"),
            ("execution", "TRUNCATE known_versions", "1 versions are run and execution has not heard of them"),
            (
                "execution",
                "UPDATE workflow_instances SET parent_id = gen_random_uuid(), completed_at = now()",
                "1 children have a parent that does not exist",
            ),
        ],
    )
    async def test_of_an_instance(self, patient: Patient, service: str, gone: str, words: str):
        await patient.instance("completed")
        await patient.execute(service, gone)

        assert [one.sentence for one in await patient.examined() if words in one.sentence]

    async def test_a_metric_without_its_instance(self, patient: Patient):
        counted, gone = uuid4(), uuid4()
        await patient.execute("execution", EVENT, counted, 1, "InstanceRequested")
        for instance_id in (counted, gone):
            await patient.execute(
                "metrics",
                "INSERT INTO execution_metrics VALUES ($1, $1, 1, 'ada', NULL, 'completed', now(), "
                "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}', '{}')",
                instance_id,
            )

        await patient.has("orphans", "fail", f"1 instances are counted and do not exist: {gone}.")
