"""Every command is written down, whatever became of it; nothing is done that could not be."""

from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from contracts.access import ActivateUser, UserView
from contracts.audit import AuditEntry, RecordAudit
from contracts.blueprint import ArchiveBlueprint, CreateBlueprint, ListBlueprints
from contracts.refusal import Forbidden, Invalid, Unavailable
from gateway import auditing, failures
from gateway.access_examples import USER
from gateway.auditing import Auditor
from gateway.door import Door
from gateway.examples import BLUEPRINT, BLUEPRINT_BODY, BLUEPRINT_ID
from tests.gateway.access import FakeAccess, entry
from tests.gateway.conftest import Sign
from tests.gateway.fakes import FakeHouse, problem_of
from tests.support.eventually import eventually

PATH = "/api/v2/blueprints"
ONE = f"{PATH}/{BLUEPRINT_ID}"


@pytest.fixture
def written(access: FakeAccess) -> Callable:
    """The entries, once there are so many."""

    async def entries(count: int = 1) -> list[AuditEntry]:
        await eventually(lambda: len(access.audited) >= count)
        assert len(access.audited) == count
        return access.audited

    return entries


class TestWhatIsWrittenDown:
    async def test_who_asked_what_of_what_from_where(self, ada: httpx.AsyncClient, house: FakeHouse, written):
        await house.when(ArchiveBlueprint, b"null")

        await ada.delete(ONE)

        (entry,) = await written()
        assert (entry.user_id, entry.address, entry.key_id) == ("ada", "127.0.0.1", None)
        assert (entry.action, entry.target) == ("DELETE /blueprints/{id}", BLUEPRINT_ID)
        assert (entry.status, entry.refusal) == (204, None)

    async def test_what_was_made(self, ada: httpx.AsyncClient, house: FakeHouse, written):
        await house.when(CreateBlueprint, BLUEPRINT)

        await ada.post(PATH, json=BLUEPRINT_BODY)

        (entry,) = await written()
        assert (entry.action, entry.target, entry.status) == ("POST /blueprints", BLUEPRINT_ID, 201)

    async def test_which_key_was_used(self, nobody: httpx.AsyncClient, access: FakeAccess, house: FakeHouse, written):
        await house.when(ArchiveBlueprint, b"null")
        key = access.key("bob", "engines:editor")

        await nobody.delete(ONE, headers={"Authorization": f"Bearer {key}"})

        (entry,) = await written()
        assert (entry.user_id, entry.key_id.hex) == ("bob", key.split("_")[1])

    async def test_what_a_service_refused(self, ada: httpx.AsyncClient, house: FakeHouse, written):
        await house.when(ArchiveBlueprint, Forbidden("not_owner", "It is not yours."))

        await ada.delete(ONE)

        (entry,) = await written()
        assert (entry.user_id, entry.status, entry.refusal) == ("ada", 403, "not_owner")

    @pytest.mark.parametrize(
        ("sent", "status", "refusal"),
        [
            ({"content": b"{"}, 400, "malformed_json"),
            ({"json": {}}, 422, "invalid_body"),
            ({"content": b"x" * (4 * 1024 * 1024 + 1)}, 413, "too_large"),
            ({"json": BLUEPRINT_BODY, "params": {"colour": "blue"}}, 400, "bad_query"),
        ],
    )
    async def test_what_could_not_be_read(self, ada: httpx.AsyncClient, written, sent: dict, status: int, refusal: str):
        await ada.post(PATH, **sent)

        (entry,) = await written()
        assert (entry.user_id, entry.status, entry.refusal) == ("ada", status, refusal)

    @pytest.mark.parametrize(
        ("credential", "refusal"), [(None, "no_token"), ("x.y.z", "bad_token"), ("hr_x", "bad_api_key")]
    )
    async def test_who_was_turned_away(self, nobody: httpx.AsyncClient, written, credential, refusal: str):
        await nobody.delete(ONE, headers={"Authorization": f"Bearer {credential}"} if credential else {})

        (entry,) = await written()
        assert (entry.user_id, entry.status, entry.refusal) == (None, 401, refusal)

    async def test_a_deactivated_user_by_name(self, ada: httpx.AsyncClient, access: FakeAccess, written):
        access.user("ada", active=False)

        await ada.delete(ONE)

        (entry,) = await written()
        assert (entry.user_id, entry.status, entry.refusal) == ("ada", 401, "user_inactive")

    async def test_nothing_that_only_reads_or_finds_no_endpoint(
        self, ada: httpx.AsyncClient, access: FakeAccess, house: FakeHouse, door: Door
    ):
        await house.when(ListBlueprints, b'{"items":[],"next_cursor":null}')

        for method, path in (("GET", PATH), ("HEAD", PATH), ("OPTIONS", PATH), ("POST", "/api/v2/x"), ("GET", "/docs")):
            await ada.request(method, path)

        assert door.auditor.waiting == 0
        assert access.audited == []

    async def test_no_more_of_strangers_than_a_trail_can_bear(
        self, nobody: httpx.AsyncClient, written, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(failures, "FAILURES_PER_WINDOW", 3)

        for _ in range(6):
            await nobody.delete(ONE)

        await written(3)

    async def test_whoever_is_known_and_shut_out_however_many_strangers_are_turned_away(
        self, nobody: httpx.AsyncClient, sign: Sign, access: FakeAccess, written, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(failures, "FAILURES_PER_WINDOW", 3)
        for _ in range(6):
            await nobody.delete(ONE)
        access.user("ada", active=False)

        await nobody.delete(ONE, headers={"Authorization": f"Bearer {sign()}"})

        last = (await written(4))[-1]
        assert (last.user_id, last.refusal) == ("ada", "user_inactive")

    async def test_names_as_they_can_be_kept(self, ada: httpx.AsyncClient, written):
        await ada.post("/api/v2/users/a%00b/activate")

        (entry,) = await written()
        assert (entry.status, entry.target) == (404, "a\ufffdb")


class TestWhen:
    async def test_a_change_of_access_is_answered_when_it_is_written(
        self, ada: httpx.AsyncClient, house: FakeHouse, access: FakeAccess
    ):
        await house.when(ActivateUser, UserView(**USER))

        await ada.post("/api/v2/users/ada/activate")

        assert [entry.action for entry in access.audited] == ["POST /users/{user_id}/activate"]

    async def test_other_commands_wait_for_nobody(self, ada: httpx.AsyncClient, house: FakeHouse, access: FakeAccess):
        await house.when(ArchiveBlueprint, b"null")
        access.refusals[RecordAudit] = None

        answer = await ada.delete(ONE)

        assert answer.status_code == 204


class TestWhileAccessIsAway:
    async def test_entries_are_repeated_under_one_id_until_they_are_taken(self, bus, access: FakeAccess, written):
        access.refusals[RecordAudit] = Unavailable("busy", "Too much to do.")
        async with Auditor(bus) as auditor:
            auditor.write(entry())
            await eventually(lambda: access.times(RecordAudit) >= 3)
            del access.refusals[RecordAudit]
            await written()

        assert len({asked.batch_id for asked in access.asked}) == 1

    async def test_they_keep_their_order(self, bus, access: FakeAccess, written):
        access.refusals[RecordAudit] = Unavailable("busy", "Too much to do.")
        async with Auditor(bus) as auditor:
            for number in range(10):
                auditor.write(entry(f"POST /{number}"))
            await eventually(lambda: access.times(RecordAudit) >= 1)
            auditor.write(entry("POST /10"))
            del access.refusals[RecordAudit]
            entries = await written(11)

        assert [each.action for each in entries] == [f"POST /{number}" for number in range(11)]

    async def test_commands_are_refused_when_too_many_wait_and_queries_go_on(
        self, ada: httpx.AsyncClient, house: FakeHouse, access: FakeAccess, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(auditing, "QUEUE_ENTRIES_MAX", 2)
        await house.when(ArchiveBlueprint, b"null")
        await house.when(ListBlueprints, b'{"items":[],"next_cursor":null}')
        access.refusals[RecordAudit] = None
        answers = [await ada.delete(ONE) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [204, 204, 503, 503]
        assert problem_of(answers[-1]) == (503, "audit_behind")
        assert len(house.asked_for(ArchiveBlueprint)) == 2
        assert (await ada.get(PATH)).status_code == 200

    async def test_what_access_will_never_take_keeps_nothing_else_back(self, bus, access: FakeAccess, written):
        access.refuses_entry = lambda each: Invalid("bad", "No.") if each.action == "POST /bad" else None
        async with Auditor(bus) as auditor:
            for action in ("POST /1", "POST /bad", "POST /2"):
                auditor.write(entry(action))
            entries = await written(2)

        assert [each.action for each in entries] == ["POST /1", "POST /2"]


async def test_a_secret_of_a_team_is_named_with_its_team(ada: httpx.AsyncClient, written):
    await ada.delete("/api/v2/secrets/PAYMENTS?team=engines")

    assert (await written())[0].target == "engines/PAYMENTS"


async def test_an_execution_is_written_down_before_it_has_streamed_to_its_end(sign: Sign, ada, written):
    await ada.post(f"{PATH}/{uuid4()}/stream", json={}, timeout=10)

    assert (await written())[0].action == "POST /blueprints/{id}/stream"
