"""Of what one may not see one learns nothing: by id, by list, by search, by key, by cursor, by what is counted.

That a refusal costs the same, so that its time tells nothing either, is held where statements can be counted:
`tests/execution/test_same_price.py` and `tests/blueprint/test_same_price.py`.
"""

import pytest

from chassis.ids import new_id
from tests.security.matrix import CALLS
from tests.security.people import People
from tests.security.secrets_of_others import kept_by, overheard, told_by
from tests.security.things import QUICK
from tests.support.blueprints import chain, step

OUTSIDERS = ("stranger", "other", "deploy")
"""Somebody, another team's admin, and the deployment's: none of them may see anything of the team's."""
OF_A_BLUEPRINT = {name: asked for name, asked in CALLS.items() if asked.path.startswith("/blueprints/{id}")}
OF_A_RUN = {name: asked for name, asked in CALLS.items() if asked.path.startswith("/instances/{id}")}
CACHED = {"config": {"cache": {"ttl_seconds": 600}}}


class TestById:
    async def test_what_is_there_is_answered_to_the_letter_like_what_is_not(self, people: People) -> None:
        kept = await kept_by(people)
        asked = [(call, kept.blueprint) for call in OF_A_BLUEPRINT.values()]
        asked += [(call, run) for call in OF_A_RUN.values() for run in (kept.run, kept.ended, kept.failed)]
        for call, thing in asked:
            for outsider in OUTSIDERS:
                answers = []
                for id in (thing, str(new_id())):
                    path = call.path.replace("{id}", id)
                    body = QUICK if call.method == "PUT" else call.body
                    answer = await people[outsider].send(call.method, path, params=call.query, json=body)
                    answers.append(told_by(answer, id))
                    assert not [word for word in kept.words if word in answer.text + repr(answer.headers)]
                assert answers[0] == answers[1], call
                assert answers[0][0] == 404, call

    @pytest.mark.parametrize(
        ("method", "path", "more"),
        [
            ("GET", "/blueprints/{blueprint}?version=99", {}),
            ("GET", "/blueprints/{blueprint}?version=1", {}),
            ("PUT", "/blueprints/{blueprint}", {"json": {"name": 7}}),
            ("PUT", "/blueprints/{blueprint}", {"json": QUICK, "headers": {"If-Match": '"99"'}}),
            ("POST", "/blueprints/{blueprint}/execute?version=99", {"json": {}}),
            ("POST", "/blueprints/{blueprint}/execute", {"json": {"config": {"executor": "magic"}}}),
            ("POST", "/instances/{run}/nodes/nobody/cancel", {}),
            ("POST", "/instances/{run}/approve", {"json": {"node_id": "nobody"}}),
            ("POST", "/instances/{ended}/signal", {"json": {"name": "x"}, "headers": {"Idempotency-Key": "k"}}),
            ("GET", "/instances/{failed}/logs?level=error&after=3", {}),
        ],
    )
    async def test_nothing_else_that_is_wrong_is_told_first(
        self, people: People, method: str, path: str, more: dict
    ) -> None:
        kept = await kept_by(people)
        for outsider in OUTSIDERS:
            problem = await people[outsider].refused(method, path.format(**vars(kept)), 404, **more)
            assert problem["code"] in ("blueprint_not_found", "instance_not_found")


class TestByList:
    async def test_no_filter_and_no_search_finds_it(self, people: People) -> None:
        kept = await kept_by(people)
        node_type = {"node_type": "approval"}
        named = [{"q": kept.word}, {"tag": kept.word}, {"q": "the", "tag": kept.word}, {}]
        whose = [{"owner": kept.owner.user}, {"team": kept.team}, {"team": kept.team, "owner": kept.owner.user}]
        runs = [{}, {"conversation_id": kept.word}, {"blueprint_id": kept.blueprint}, {"status": "waiting"}]
        lists = [("/blueprints", query) for query in (*named, *whose, node_type, {"is_template": True})]
        lists += [("/templates", query) for query in named] + [("/instances", query) for query in runs]
        for path, query in lists:
            assert await people["member"].pages(path, **query), "a list that is always empty proves nothing"
            for outsider in OUTSIDERS:
                answer = await people[outsider].send("GET", path, params=query)
                assert answer.status_code == 200
                assert overheard(kept, answer) == [], (path, query)

    async def test_a_cursor_of_somebody_elses_list_leads_through_ones_own(self, people: People) -> None:
        kept, outsider = await kept_by(people), people["stranger"]
        mine = await outsider.create(QUICK)
        await outsider.execute(mine)
        newer = [(await kept.owner.execute(await kept.owner.create(QUICK)))["instance_id"] for _ in range(2)]
        assert newer
        for path in ("/blueprints", "/instances", "/templates"):
            cursor = (await kept.owner.get(path, limit=1))["next_cursor"]
            assert cursor is not None
            answer = await outsider.send("GET", path, params={"cursor": cursor, "limit": 200})
            assert overheard(kept, answer) == []
            owners = {item.get("owner_id") or item.get("user_id") for item in answer.json()["items"]}
            assert kept.owner.user not in owners

    async def test_a_cursor_of_a_log_opens_no_log(self, people: People) -> None:
        kept = await kept_by(people)
        cursor = (await kept.owner.get(f"/instances/{kept.failed}/logs", limit=1))["next_cursor"]

        await people["stranger"].refused("GET", f"/instances/{kept.failed}/logs?cursor={cursor}", 404)


class TestByKey:
    async def test_a_signal_by_its_key_reaches_nobody_elses_run(self, people: People) -> None:
        owner = people["owner"]
        keyed = chain(step("paid", "signal", name="paid", key="'k'"), name="keyed", visibility="public")
        blueprint = await owner.create(keyed)
        run = await owner.begin(blueprint)
        await owner.waits(run)

        for outsider in OUTSIDERS:
            body = {"name": "paid", "key": "k", "payload": "forged"}
            sent = await people[outsider].ask("POST", f"/blueprints/{blueprint['id']}/signals", 202, json=body)
            assert sent["instance_id"] is None
        assert (await owner.instance(run))["status"] == "waiting"

    async def test_an_idempotency_key_names_ones_own_alone(self, people: People) -> None:
        owner, outsider = people["owner"], people["other"]
        blueprint = await owner.create(QUICK | {"visibility": "public"})
        await owner.execute(blueprint, {"n": 1}, key="k-1")

        hers = await outsider.execute(blueprint, {"n": 2}, key="k-1")

        assert (await outsider.instance(hers["instance_id"]))["user_id"] == outsider.user

    async def test_an_answer_from_memory_is_ones_own_or_the_teams(self, people: People) -> None:
        owner = people["owner"]
        for config in (CACHED, {"config": {"cache": {"ttl_seconds": 600, "scope": "team"}}}):
            blueprint = await owner.create(QUICK | config | {"visibility": "public", "team_id": people.team})
            first = (await owner.execute(blueprint, {"n": 1}))["instance_id"]
            for outsider in ("stranger", "other", "viewer"):
                run = (await people[outsider].execute(blueprint, {"n": 1}))["instance_id"]
                answer = await people[outsider].send("GET", f"/instances/{run}/logs")
                assert first not in answer.text
                assert "CacheHit" not in answer.text


class TestByWhatOneMaySee:
    async def test_of_a_public_blueprint_one_counts_ones_own_runs(self, people: People) -> None:
        kept = await kept_by(people, "public")

        for outsider in (*OUTSIDERS, "member"):
            answer = await people[outsider].get(f"/blueprints/{kept.blueprint}/analytics")
            assert (answer["executions"]["total"], answer["slowest_nodes"], answer["tokens"]["total"]) == (0, [], 0)
            assert (await people[outsider].get("/analytics/usage"))["by_blueprint"] == []
            for run in (kept.run, kept.ended):
                await people[outsider].refused("GET", f"/instances/{run}", 404)

    async def test_a_node_cannot_run_what_its_user_may_not_see(self, people: People) -> None:
        kept, outsider = await kept_by(people), people["other"]
        told = set()
        for id in (kept.blueprint, str(new_id())):
            calling = await outsider.create(chain(step("call", "blueprint", blueprint_id=id)))
            run = await outsider.execute(calling)
            answer = await outsider.send("GET", f"/instances/{run['instance_id']}/logs")
            assert not [word for word in kept.words if word in answer.text]
            told.add((run["error"]["code"], run["error"]["message"].replace(id, "…")))
        assert len(told) == 1

    async def test_what_is_shared_no_more_is_gone_for_others(self, people: People) -> None:
        owner, member = people["owner"], people["member"]
        blueprint = await owner.create(QUICK | {"visibility": "team", "team_id": people.team})
        run = (await member.execute(blueprint))["instance_id"]

        await owner.ask("PUT", f"/blueprints/{blueprint['id']}", json=QUICK | {"name": "a new secret"})

        for path in ("", "?version=1", "/analytics"):
            await member.refused("GET", f"/blueprints/{blueprint['id']}{path}", 404)
        assert (await member.instance(run))["user_id"] == member.user
        assert "a new secret" not in (await member.send("GET", "/analytics/usage")).text
