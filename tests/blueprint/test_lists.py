"""Lists: who sees what, filters, and pages that stay true while others write."""

import itertools

import pytest

from blueprint import listing
from blueprint.domain import Blueprint
from chassis.ids import new_id
from chassis.paging import encode_cursor
from contracts.message import Caller
from contracts.refusal import Malformed
from tests.blueprint.shelf import ANN, BEN, EVE, a_body


def names(page):
    return [item.name for item in page.items]


async def pages(ask, **asked):
    cursor, found = None, []
    while True:
        page = await ask(cursor=cursor, **asked)
        found.append(page)
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_a_list_shows_own_team_and_public_blueprints_newest_first(shelf):
    await shelf.put(name="private")
    await shelf.put(name="team", visibility="team", team_id="blue")
    await shelf.put(name="public", visibility="public")
    await shelf.put(name="public of the team", visibility="public", team_id="blue")
    await shelf.put(EVE, name="eve's")

    assert names(await shelf.list(ANN)) == ["public of the team", "public", "team", "private"]
    assert names(await shelf.list(BEN)) == ["public of the team", "public", "team"]
    assert names(await shelf.list(EVE)) == ["eve's", "public of the team", "public"]
    assert names(await shelf.list(Caller(user_id="guest"))) == ["public of the team", "public"]


async def test_a_member_named_twice_sees_a_blueprint_once(shelf):
    await shelf.put(visibility="team", team_id="blue")

    assert len((await shelf.list(Caller(user_id="zoe", teams=("blue", "blue", "red")))).items) == 1


async def test_sharing_and_archiving_change_what_is_listed(shelf):
    blueprint = Blueprint.create(new_id(), a_body(visibility="public"), ANN)
    await shelf.keep(blueprint)
    assert len((await shelf.list(EVE)).items) == 1

    blueprint.revise(a_body(visibility="team", team_id="blue"), ANN)
    await shelf.keep(blueprint)
    assert [len((await shelf.list(who)).items) for who in (ANN, BEN, EVE)] == [1, 1, 0]

    blueprint.archive(ANN)
    await shelf.keep(blueprint)
    assert [len((await shelf.list(who)).items) for who in (ANN, BEN, EVE)] == [0, 0, 0]


async def test_every_filter_narrows_and_filters_add_up(shelf):
    await shelf.put(name="Refund", description="for 100% of Orders_", tags=["money", "mail"])
    await shelf.put(name="Welcome", tags=["mail"], visibility="team", team_id="blue")
    await shelf.put(BEN, name="Report", visibility="public", is_template=True, team_id="red")
    await shelf.put(name="Call", nodes=[{"id": "s", "type": "start"}, {"id": "h", "type": "http"}], edges=[])

    async def found(**asked):
        return names(await shelf.list(ANN, **asked))

    assert await found(owner="ben") == ["Report"]
    assert await found(owner="ann", tag="mail") == ["Welcome", "Refund"]
    assert await found(team="blue") == ["Welcome"]
    assert await found(team="red") == ["Report"]
    assert await found(tag="money", q="refund") == ["Refund"]
    assert await found(tag="mon") == []
    assert await found(node_type="http") == ["Call"]
    assert await found(is_template=True) == ["Report"]
    assert await found(is_template=False, node_type="transform") == ["Welcome", "Refund"]
    assert await found(q="ORDER") == ["Refund"]
    assert await found(q="mail") == ["Welcome", "Refund"]
    assert await found(q="100% of orders_") == ["Refund"]
    assert await found(q="%") == ["Refund"]
    assert await found(q="r_f") == []


async def test_filters_look_at_the_latest_version_alone(shelf):
    blueprint = Blueprint.create(new_id(), a_body(name="old", tags=["before"]), ANN)
    blueprint.revise(a_body(name="new", tags=["after"], nodes=[{"id": "s", "type": "start"}], edges=[]), ANN)
    await shelf.keep(blueprint)

    assert names(await shelf.list(tag="after")) == ["new"]
    assert names(await shelf.list(tag="before")) == names(await shelf.list(q="old")) == []
    assert names(await shelf.list(node_type="transform")) == []


async def test_pages_follow_on_each_other_while_others_write(shelf):
    for number in range(23):
        await shelf.put(name=f"{number:02}", visibility="public" if number % 3 else "private")
    before = [f"{number:02}" for number in reversed(range(23))]
    newcomers = itertools.count()

    async def ask(**asked):
        page = await shelf.list(ANN, **asked)
        await shelf.put(EVE, name=f"new {next(newcomers)}", visibility="public")
        return page

    found = await pages(ask, limit=5)

    assert list(itertools.chain(*map(names, found))) == before
    assert [len(page.items) for page in found] == [5, 5, 5, 5, 3]


async def test_blueprints_of_the_same_moment_are_neither_lost_nor_doubled(shelf, monkeypatch):
    moment = (await shelf.get(await shelf.put(name="first"))).created_at
    monkeypatch.setattr("chassis.clock.now", lambda: moment)
    await shelf.keep(*(Blueprint.create(new_id(), a_body(name=f"{n}"), ANN) for n in range(10)))

    found = await pages(shelf.list, limit=3)

    assert sorted(itertools.chain(*map(names, found))) == sorted(["first", *map(str, range(10))])


async def test_a_page_that_ends_with_the_list_has_no_successor(shelf):
    for _ in range(4):
        await shelf.put()

    assert (await shelf.list(limit=4)).next_cursor is None
    assert (await shelf.list(limit=3)).next_cursor is not None


async def test_a_page_of_large_entries_ends_early_but_goes_on(shelf, monkeypatch):
    monkeypatch.setattr(listing, "MAX_PAGE_BYTES", 4_500)
    for number in range(5):
        await shelf.put(name=f"{number}", description="x" * (1_000 if number != 2 else 6_000))

    found = await pages(shelf.list)

    assert list(map(names, found)) == [["4", "3"], ["2"], ["1", "0"]]


async def test_a_cursor_that_no_page_answered_is_refused(shelf):
    odd = [encode_cursor("9" * 30, "0" * 32), encode_cursor("1", "2"), encode_cursor("x", "0" * 32), encode_cursor("1")]
    for cursor in ("", "x", "%%%", "é", "MQ", "MTIzLjQ1Ng", "A" * 5_000, "\0", *odd):
        with pytest.raises(Malformed) as refused:
            await shelf.list(cursor=cursor)
        assert refused.value.code == "bad_cursor", cursor


async def test_a_filter_that_no_row_can_hold_is_refused(shelf):
    for name in ("owner", "team", "tag", "q", "node_type"):
        with pytest.raises(Malformed):
            await shelf.list(**{name: "a\0b"})


async def test_the_library_shows_templates_with_their_clones(shelf):
    template = Blueprint.create(new_id(), a_body(name="Letter", is_template=True, visibility="public", tags=["x"]), ANN)
    await shelf.keep(template, Blueprint.create(new_id(), a_body(is_template=True), BEN))
    await shelf.put(name="no template")
    for who in (BEN, EVE, EVE):
        await shelf.keep(template.clone(new_id(), who))

    (entry,) = (await shelf.templates(EVE)).items

    assert (entry.id, entry.clone_count, entry.tags, entry.node_count) == (template.id, 3, ("x",), 3)
    assert names(await shelf.templates(EVE, q="nothing like it")) == []
    assert [item.parent_id for item in (await shelf.list(EVE, is_template=False)).items] == [template.id] * 2
