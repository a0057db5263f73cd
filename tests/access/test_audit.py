"""The audit log on real NATS and Postgres: recorded once, in one chain, opened where it can be, changed by nobody."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from access.app import SERVICE
from chassis.clock import now
from chassis.ids import new_id
from chassis.service import running
from contracts.message import Caller
from contracts.refusal import Forbidden, Malformed
from tests.access.office import ANN, Office, an_entry

NTH = """
SELECT notification_id FROM events WHERE topic = 'CommandsAudited' ORDER BY notification_id OFFSET $1 LIMIT 1
"""
ROWS = "SELECT audit_log::text FROM audit_log ORDER BY seq"


async def test_an_entry_says_who_when_from_where_and_what_came_of_it(office):
    key_id = new_id()
    entry = an_entry("ada", target="b1", status=403, refusal="not_the_owner", key_id=key_id)

    await office.record(entry, an_entry(None, status=401, refusal="bad_token"))

    unknown, known = (await office.log()).items
    assert known.model_dump(exclude={"seq", "hash", "erased"}) == entry.model_dump()
    assert (known.seq, known.erased, unknown.seq, unknown.erased) == (1, False, 2, False)
    assert (unknown.user_id, unknown.address, unknown.refusal) == (None, "192.0.2.7", "bad_token")


async def test_a_batch_that_is_heard_twice_is_recorded_once(office):
    batch_id = new_id()

    await asyncio.gather(*(office.record(an_entry(), batch_id=batch_id) for _ in range(3)))
    await office.record(an_entry(), batch_id=batch_id)

    assert len((await office.log()).items) == 1


async def test_two_processes_write_one_chain(office, settings):
    batches = [new_id() for _ in range(8)]
    async with running(SERVICE, settings):
        # Both answer in one queue group, and each batch is sent twice: the other one may have recorded it already.
        await asyncio.gather(*(office.record(an_entry(), an_entry(None), batch_id=id) for id in (*batches, *batches)))

    verdict = await office.verdict()
    assert (verdict.entries, verdict.intact, verdict.broken_at) == (16, True, None)
    assert verdict.head == max((await office.log()).items, key=lambda entry: entry.seq).hash


async def test_a_log_that_nobody_wrote_is_whole(office):
    verdict = await office.verdict()

    assert (verdict.entries, verdict.intact, verdict.head) == (0, True, "0" * 64)


async def test_personal_parts_are_nowhere_in_the_clear(office, pool):
    await office.record(an_entry("ada-lovelace", address="198.51.100.23", target="secret-target"))
    await office.log()

    kept = str(await pool.fetch("SELECT encode(state, 'escape') FROM events")) + str(await pool.fetch(ROWS))

    assert not any(word in kept for word in ("ada-lovelace", "198.51.100.23", "secret-target"))


async def test_lists_are_pages_newest_first_and_bounded_by_time_and_user(office):
    began = datetime(2026, 3, 14, tzinfo=UTC)
    for number in range(5):
        user = "even" if number % 2 == 0 else "odd"
        await office.record(an_entry(user, at=began + timedelta(hours=number), target=f"t{number}"))

    first = await office.log(limit=3)
    rest = await office.log(limit=3, cursor=first.next_cursor)
    even = await office.log(limit=2, user_id="even")
    older = await office.log(limit=2, user_id="even", cursor=even.next_cursor)
    within = await office.log(since=began + timedelta(hours=1), until=began + timedelta(hours=3))

    def targets(*pages):
        return [item.target for page in pages for item in page.items]

    assert targets(first, rest) == ["t4", "t3", "t2", "t1", "t0"]
    assert rest.next_cursor is None
    assert targets(even, older) == ["t4", "t2", "t0"]
    assert targets(within) == ["t2", "t1"]
    assert targets(await office.log(user_id="nobody")) == []


@pytest.mark.parametrize(
    "cursor", ["x", "WyJ4IiwieSJd", "WyIyMDI2LTAxLTAxIiwiMSJd", "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwiMSJd"]
)
async def test_a_cursor_that_is_none_is_refused(office, cursor: str):
    with pytest.raises(Malformed):
        await office.log(cursor=cursor)


async def test_it_is_read_by_the_deployments_admins_alone(office):
    for order in (office.log(ANN), office.verdict(ANN), office.log(Caller(user_id="ada"), user_id="ada")):
        with pytest.raises(Forbidden) as refused:
            await order
        assert refused.value.code == "not_an_admin"


async def test_of_an_erased_user_only_that_somebody_did_is_left(office, pool):
    await office.record(an_entry("ada", target="b1"), an_entry("bob", target="b2"))
    await office.erase("ada")
    await office.record(an_entry("ada", target="b3", status=401))

    knocked, bob, ada = (await office.log()).items

    for entry, status in ((ada, 201), (knocked, 401)):
        assert (entry.erased, entry.user_id, entry.address, entry.target, entry.status) == (
            True,
            None,
            "",
            None,
            status,
        )
    assert (bob.user_id, bob.target) == ("bob", "b2")
    assert (await office.log(user_id="ada")).items == ()
    assert (await office.verdict()).intact
    assert await pool.fetchval("SELECT count(*) FROM data_keys WHERE wrapped IS NULL") == 1


async def test_what_comes_from_outside_is_kept_short_and_harmless(office):
    await office.record(an_entry("u" * 9_000, address="\0" * 300, action="POST /\0", target="ä" * 9_000, refusal="x\0"))

    [entry] = (await office.log()).items

    assert (len(entry.user_id or ""), len(entry.address), len(entry.target or "")) == (255, 255, 255)
    assert (entry.action, entry.refusal) == ("POST /\N{REPLACEMENT CHARACTER}", "x\N{REPLACEMENT CHARACTER}")


class TestTampering:
    """Behind the service's back, somebody changes the database."""

    @pytest.fixture
    async def logged(self, office: Office) -> Office:
        """Four batches of two entries."""
        for number in range(4):
            await office.record(an_entry(target=f"t{number}"), an_entry(None, status=401))
        assert (await office.verdict()).intact
        return office

    @pytest.mark.parametrize(
        ("change", "broken_at"),
        [
            ("state = replace(convert_from(state, 'UTF8'), '\"status\":201', '\"status\":200')::bytea", 3),
            ("state = replace(convert_from(state, 'UTF8'), '\"status\":401', '\"status\":402')::bytea", 4),
            ("state = (convert_from(state, 'UTF8') || ' ')::bytea", 3),
            ("state = 'nonsense'", 3),
            ("topic = 'QuotaSet'", 3),
            ("metadata = '{}'", 3),
            ("event_id = gen_random_uuid()", 3),
            ("originator_version = 99", 3),
            ("originator_id = gen_random_uuid()", 3),
        ],
    )
    async def test_a_changed_row_of_the_ledger_is_found(self, logged, pool, change: str, broken_at: int):
        await pool.execute(f"UPDATE events SET {change} WHERE notification_id = ({NTH})", 2)

        verdict = await logged.verdict()

        assert (verdict.intact, verdict.broken_at) == (False, broken_at)

    @pytest.mark.parametrize(("offset", "broken_at"), [(0, 1), (1, 1), (2, 3), (4, 7)])
    async def test_a_removed_row_of_the_ledger_is_found(self, logged, pool, offset: int, broken_at: int):
        await pool.execute(f"DELETE FROM events WHERE notification_id = ({NTH})", offset)

        verdict = await logged.verdict()

        assert (verdict.intact, verdict.broken_at) == (False, broken_at)

    @pytest.mark.parametrize("change", ["UPDATE audit_log SET status = 200", "DELETE FROM audit_log"])
    async def test_a_changed_row_of_what_lists_show_is_found(self, logged, pool, change: str):
        await pool.execute(f"{change} WHERE seq = 5")

        verdict = await logged.verdict()

        assert (verdict.intact, verdict.broken_at) == (False, 5)

    async def test_a_log_whose_end_was_cut_off_and_went_on_is_found(self, logged, pool):
        await pool.execute("DELETE FROM events WHERE notification_id = (SELECT max(notification_id) FROM events)")
        head = (await logged.verdict()).head

        verdict = await logged.verdict()

        assert (verdict.entries, verdict.intact, verdict.broken_at, verdict.head) == (6, False, 7, head)

    async def test_what_is_recorded_meanwhile_disturbs_no_verdict(self, logged):
        verdicts, _ = await asyncio.gather(
            asyncio.gather(*(logged.verdict() for _ in range(5))),
            asyncio.gather(*(logged.record(an_entry(str(uuid4()), at=now())) for _ in range(10))),
        )

        assert all(verdict.intact for verdict in verdicts)
