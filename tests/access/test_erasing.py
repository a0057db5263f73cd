"""Erasing a user destroys its key for certain, whatever happens in between, and no read model brings it back."""

from uuid import UUID

import pytest

from access.data_keys import DEPLOYMENT, DataKeys
from access.domain.users import User, user_ref
from access.names import open_names
from chassis.settings import BadSettings, Settings
from chassis.streams import Streams
from contracts.refusal import Unavailable
from tests.access.office import ANN, BEN, ROOT, Office, an_entry, opened
from tests.support.eventually import eventually

TABLES = ("users", "user_roles", "api_keys", "secrets", "quotas", "audit_log", "audit_batches")


async def dump(pool, *tables: str) -> dict[str, list[str]]:
    """Every row of the tables."""
    return {table: sorted(row[0] for row in await pool.fetch(f"SELECT {table}::text FROM {table}")) for table in tables}


async def has_key(pool, user_id: str) -> bool:
    """Whether anything could still be opened."""
    return bool(await pool.fetchval("SELECT wrapped IS NOT NULL FROM data_keys WHERE owner = $1", user_ref(user_id)))


async def record_erased(office: Office, user_id: str) -> None:
    """What `EraseUser` does before it destroys the key: a process that dies then has done so much."""
    users = Streams(office.runtime.store, User)
    async with users.changing(user_ref(user_id)) as user:
        user.erase(ROOT)


async def test_what_was_sealed_stays_where_it_was_recorded_and_opens_no_more(office, pool, settings):
    await office.register("ada", "Ada Lovelace")
    [row] = await pool.fetch("SELECT convert_from(state, 'UTF8')::json->>'sealed_display_name' AS text FROM events")
    keys = DataKeys(pool, settings.sealing_key.get_secret_value())
    ref = user_ref("ada")
    assert await open_names(keys, {ref: row["text"]}) == {ref: "Ada Lovelace"}

    await office.erase("ada")

    assert await open_names(keys, {ref: row["text"]}) == {}
    assert await pool.fetchval("SELECT count(*) FROM events WHERE topic = 'UserRegistered'") == 1


async def test_a_process_that_dies_in_between_leaves_it_to_the_next(office, pool, settings):
    await office.register("ada", "Ada Lovelace")
    await record_erased(office, "ada")
    assert await has_key(pool, "ada")
    assert (await office.get("ada")).display_name is None

    async with opened(settings, pool):

        async def shredded() -> bool:
            return not await has_key(pool, "ada")

        await eventually(shredded)


async def test_asking_again_finishes_what_was_interrupted(office, pool):
    await office.register("ada", "Ada Lovelace")
    await record_erased(office, "ada")

    await office.erase("ada")

    assert not await has_key(pool, "ada")


async def test_an_erased_user_gets_no_key_ever_again(office, pool, settings):
    await office.erase("ada")
    keys = DataKeys(pool, settings.sealing_key.get_secret_value())

    assert await keys.of([user_ref("ada")]) == {}
    await office.record(an_entry("ada"))

    assert await keys.existing([user_ref("ada")]) == {}
    assert not await has_key(pool, "ada")


async def test_read_models_made_anew_are_the_same_and_bring_nothing_back(office, pool):
    await office.register("ada", "Ada")
    await office.register("bob", "Bob")
    await office.grant("bob", "blue", "editor")
    await office.revoke_key((await office.issue()).id)
    await office.issue(ANN, teams=("blue",))
    for name in ("A", "B", "A"):
        await office.store(name, "x")
    await office.forget("B")
    await office.limit("team", "blue", tokens_per_day=7, cost_per_day="0.10")
    await office.limit("user", "bob", tokens_per_day=7)
    await office.limit("user", "bob")
    await office.record(an_entry("ada"), an_entry("bob"), an_entry(None, refusal="bad_token"))
    await office.erase("ada")
    await office.deactivate("bob")
    await office.list()
    await office.log()
    before, keys = await dump(pool, *TABLES), await dump(pool, "data_keys")
    await pool.execute(f"TRUNCATE {', '.join(TABLES)}")

    for projection in ("holdings", "audited"):
        await office.runtime.rebuild_named(projection)

    assert await dump(pool, *TABLES) == before
    assert all(before.values()), "there was something to compare"
    assert await dump(pool, "data_keys") == keys
    assert [user.display_name for user in (await office.list()).items] == ["Bob", None]
    assert (await office.verdict()).intact


class TestTheSealingKey:
    """The deployment's own, from its settings."""

    @staticmethod
    def without_key(settings: Settings, **changes) -> Settings:
        return settings.model_copy(update={"sealing_key": None, **changes})

    async def test_what_would_have_to_be_sealed_is_refused_without_one(self, settings, pool):
        async with opened(self.without_key(settings), pool) as office:
            for order in (
                office.store("TOKEN", "x"),
                office.register("ada", "Ada"),
                office.record(an_entry()),
            ):
                with pytest.raises(Unavailable) as refused:
                    await order
                assert refused.value.code == "sealing_key_missing"
                assert "HEADRACE_SEALING_KEY" in refused.value.detail

            assert (await office.register("ada")).display_name is None
            await office.grant("ada", "blue", "viewer")
            assert await office.holder((await office.issue(BEN)).key)
            assert [user.user_id for user in (await office.list()).items] == ["ada"]
            assert (await office.erase("ada")).erased

    async def test_names_stay_closed_without_the_key_that_sealed_them(self, settings, pool):
        async with opened(settings, pool) as office:
            await office.register("ada", "Ada")
        async with opened(self.without_key(settings), pool) as office:
            assert (await office.get("ada")).display_name is None

    async def test_production_does_not_start_without_one(self, settings, pool):
        with pytest.raises(BadSettings, match="HEADRACE_SEALING_KEY is not set"):
            async with opened(self.without_key(settings, production=True), pool):
                pass

    async def test_another_one_than_the_database_was_sealed_with_keeps_the_service_from_starting(self, settings, pool):
        other = Settings.load(**settings.model_dump(exclude={"sealing_key"}), sealing_key="A" * 43 + "=")
        async with opened(settings, pool):
            pass

        with pytest.raises(BadSettings, match="not the one that this database was sealed with"):
            async with opened(other, pool):
                pass

        assert await pool.fetchval("SELECT owner FROM data_keys") == UUID(str(DEPLOYMENT))

    @pytest.mark.parametrize("key", ["", "short", "é" * 10])
    def test_one_that_is_none_is_refused_in_a_sentence(self, key: str):
        with pytest.raises(BadSettings, match="HEADRACE_SEALING_KEY cannot be used: a sealing key"):
            DataKeys(None, key)
