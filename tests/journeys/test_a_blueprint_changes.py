"""Blueprints change under their runs: versions, clones, archives, sharing, and runs that are called off."""

from tests.support.api import Api
from tests.support.blueprints import chain, nap, step
from tests.support.eventually import eventually


def saying(text: str, seconds: float = 0.0) -> dict:
    """A blueprint that says its text in the end."""
    return chain(nap("nap", seconds), step("end", "end", output=text), name=text)


class TestANewVersion:
    async def test_leaves_a_run_that_has_begun_on_its_own(self, ada: Api) -> None:
        blueprint = await ada.create(saying("one", seconds=1.0))
        running = await ada.begin(blueprint)

        changed = await ada.ask("PUT", f"/blueprints/{blueprint['id']}", json=saying("two"))
        after = await ada.execute(blueprint)
        before = await ada.ends(running)

        assert changed["version"] == 2
        assert (before["blueprint_version"], before["output"]) == (1, "one")
        assert after["output"] == "two"
        assert (await ada.instance(after["instance_id"]))["blueprint_version"] == 2

    async def test_leaves_the_old_one_readable_and_runnable(self, ada: Api) -> None:
        blueprint = await ada.create(saying("one"))
        await ada.ask("PUT", f"/blueprints/{blueprint['id']}", json=saying("two"))

        old = await ada.get(f"/blueprints/{blueprint['id']}", version=1)
        new = await ada.get(f"/blueprints/{blueprint['id']}")
        run = await ada.execute(blueprint, version=1)

        assert (old["name"], old["version"], new["name"], new["version"]) == ("one", 1, "two", 2)
        assert old["nodes"] == blueprint["nodes"]
        assert run["output"] == "one"

    async def test_is_refused_to_who_has_not_seen_the_last(self, ada: Api) -> None:
        path = f"/blueprints/{(await ada.create(saying('one')))['id']}"
        seen = (await ada.send("GET", path)).headers["ETag"]
        second = await ada.send("PUT", path, json=saying("two"), headers={"If-Match": seen})

        await ada.refused("PUT", path, 412, json=saying("three"), headers={"If-Match": seen})

        assert (seen, second.headers["ETag"]) == ('"1"', '"2"')
        assert (await ada.get(path))["name"] == "two"

    async def test_out_of_shape_is_refused_with_all_its_problems_to_its_owner_alone(self, ada: Api, bob: Api) -> None:
        path = f"/blueprints/{(await ada.create(saying('one')))['id']}"
        bad = saying("two") | {"name": "", "nodes": [{"id": "start", "type": "start"}, step("nap", "hammock")]}

        problem = await ada.refused("PUT", path, 422, json=bad)
        await bob.refused("PUT", path, 404, json=bad)

        assert {"/name", "/nodes/1/type", "/edges/1/target"} <= {error["pointer"] for error in problem["errors"]}
        assert (await ada.get(path))["version"] == 1

    async def test_can_be_run_at_once_however_often_it_changes(self, ada: Api) -> None:
        blueprint = await ada.create(saying("0"))

        for number in range(1, 11):
            await ada.ask("PUT", f"/blueprints/{blueprint['id']}", json=saying(str(number)))
            assert (await ada.execute(blueprint))["output"] == str(number)


class TestAClone:
    async def test_of_a_template_is_a_private_blueprint_of_ones_own(self, ada: Api) -> None:
        template = await ada.create(saying("stencil") | {"is_template": True, "visibility": "public"})

        answer = await ada.send("POST", f"/blueprints/{template['id']}/clone", json={"name": "mine"})
        clone = answer.json()

        assert answer.headers["Location"] == f"/api/v2/blueprints/{clone['id']}"
        assert (clone["name"], clone["parent_id"], clone["version"]) == ("mine", template["id"], 1)
        assert (clone["is_template"], clone["visibility"], clone["owner_id"]) == (False, "private", ada.user)
        assert (clone["nodes"], clone["edges"]) == (template["nodes"], template["edges"])
        assert (await ada.execute(clone))["output"] == "stencil"

    async def test_of_somebody_elses_public_template_belongs_to_who_cloned_it(self, ada: Api, bob: Api) -> None:
        template = await ada.create(saying("stencil") | {"is_template": True, "visibility": "public"})

        clone = await bob.ask("POST", f"/blueprints/{template['id']}/clone", 201, json={})

        assert clone["owner_id"] == bob.user
        await ada.refused("GET", f"/blueprints/{clone['id']}", 404)

    async def test_is_counted_in_the_library(self, ada: Api) -> None:
        template = await ada.create(saying("stencil") | {"is_template": True, "tags": [ada.user]})
        for _ in range(2):
            await ada.ask("POST", f"/blueprints/{template['id']}/clone", 201)

        [listed] = await ada.pages("/templates", tag=ada.user)

        assert (listed["id"], listed["clone_count"]) == (template["id"], 2)

    async def test_of_a_built_in_template_runs(self, ada: Api) -> None:
        library = await ada.pages("/templates")
        [fanning] = [template for template in library if template["name"].lower().startswith("fan")]

        clone = await ada.ask("POST", f"/blueprints/{fanning['id']}/clone", 201, json={})

        assert clone["parent_id"] == fanning["id"]
        assert clone["nodes"]

    async def test_of_what_is_no_template_is_refused(self, ada: Api) -> None:
        blueprint = await ada.create(saying("mine alone"))

        await ada.refused("POST", f"/blueprints/{blueprint['id']}/clone", 409, json={})


class TestAnArchivedBlueprint:
    async def test_finishes_what_runs_and_begins_nothing(self, ada: Api) -> None:
        blueprint = await ada.create(saying("last words", seconds=1.0))
        path = f"/blueprints/{blueprint['id']}"
        running = await ada.begin(blueprint)

        await ada.ask("DELETE", path, 204)
        await ada.ask("DELETE", path, 204)

        for mode in ("sync", "async"):
            await ada.refused("POST", f"{path}/execute?mode={mode}", 409, "archived", json={})
        await ada.refused("POST", f"{path}/stream", 409, "archived", json={})
        await ada.refused("PUT", path, 409, json=saying("more words"))
        await ada.refused("POST", f"{path}/clone", 409, json={})
        assert (await ada.get(path))["archived_at"] is not None
        assert await ada.pages("/blueprints", owner=ada.user) == []
        assert (await ada.ends(running))["output"] == "last words"

    async def test_keeps_its_figures(self, ada: Api) -> None:
        blueprint = await ada.create(saying("counted"))
        await ada.execute(blueprint)
        await ada.ask("DELETE", f"/blueprints/{blueprint['id']}", 204)

        async def counted() -> bool:
            found = await ada.get(f"/blueprints/{blueprint['id']}/analytics")
            return found["executions"]["total"] == 1

        assert await eventually(counted)


class TestSharing:
    async def test_a_private_blueprint_is_nobody_elses(self, ada: Api, teammate: Api) -> None:
        path = f"/blueprints/{(await ada.create(saying('secret')))['id']}"

        await teammate.refused("GET", path, 404)
        await teammate.refused("PUT", path, 404, json=saying("mine now"))
        await teammate.refused("DELETE", path, 404)
        await teammate.refused("POST", f"{path}/clone", 404, json={})
        await teammate.refused("POST", f"{path}/execute", 404, json={})
        await teammate.refused("POST", f"{path}/stream", 404, json={})
        await teammate.refused("GET", f"{path}/analytics", 404)

    async def test_a_teams_blueprint_is_run_by_the_team_and_changed_by_its_owner(
        self, ada: Api, teammate: Api, bob: Api, team: str
    ) -> None:
        blueprint = await ada.create(saying("ours") | {"visibility": "team", "team_id": team})
        path = f"/blueprints/{blueprint['id']}"

        run = await teammate.execute(blueprint)

        assert run["output"] == "ours"
        assert (await ada.instance(run["instance_id"]))["user_id"] == teammate.user
        await teammate.refused("PUT", path, 403, json=saying("mine"))
        await teammate.refused("DELETE", path, 403)
        await ada.refused("POST", f"/instances/{run['instance_id']}/cancel", 403)
        await bob.refused("POST", f"{path}/execute", 404, json={})
        await bob.refused("GET", f"/instances/{run['instance_id']}", 404)

    async def test_a_public_blueprint_is_run_by_all_and_the_run_is_the_callers_alone(self, ada: Api, bob: Api) -> None:
        blueprint = await ada.create(saying("to all") | {"visibility": "public"})

        run = await bob.execute(blueprint)

        assert run["output"] == "to all"
        for path in ("", "/logs"):
            await ada.refused("GET", f"/instances/{run['instance_id']}{path}", 404)
        assert [found["id"] for found in await bob.pages("/instances")] == [run["instance_id"]]
        assert await ada.pages("/instances") == []

    async def test_what_is_shared_no_more_cannot_be_run_any_more(self, ada: Api, bob: Api) -> None:
        blueprint = await ada.create(saying("to all") | {"visibility": "public"})
        await bob.execute(blueprint)

        await ada.ask("PUT", f"/blueprints/{blueprint['id']}", json=saying("to me"))

        await bob.refused("POST", f"/blueprints/{blueprint['id']}/execute", 404, json={})


class TestACancelledRun:
    async def test_ends_in_the_middle_of_a_node_and_goes_no_further(self, ada: Api) -> None:
        blueprint = await ada.create(chain(nap("nap", 30), step("never")))
        instance_id = await ada.begin(blueprint)

        first = await ada.ask("POST", f"/instances/{instance_id}/cancel", 202)
        ended = await ada.ends(instance_id)
        again = await ada.ask("POST", f"/instances/{instance_id}/cancel")

        assert first["status"] in {"cancelled", "running"}
        assert again == {"instance_id": instance_id, "status": "cancelled"}
        assert (ended["status"], ended["output"]) == ("cancelled", None)
        told = await ada.logs(instance_id)
        assert "never" not in {entry["node_id"] for entry in told}

    async def test_ends_while_it_waits(self, ada: Api) -> None:
        blueprint = await ada.create(chain(step("wait", "delay", seconds=3600)))
        instance_id = await ada.begin(blueprint)
        await ada.reaches(instance_id, "waiting")

        answer = await ada.ask("POST", f"/instances/{instance_id}/cancel", 202)

        assert answer["status"] == "cancelled"

    async def test_is_an_answer_to_who_waits_for_it(self, ada: Api) -> None:
        blueprint = await ada.create(chain(nap("nap", 30)))

        async with ada.follow(blueprint, conversation_id="talk") as lines:
            instance_id = (await anext(lines))["instance_id"]
            await ada.ask("POST", f"/instances/{instance_id}/cancel", 202)
            assert [line["event"] async for line in lines][-1] == "InstanceCancelled"

    async def test_must_not_have_ended_otherwise(self, ada: Api) -> None:
        run = await ada.execute(await ada.create(saying("done")))

        await ada.refused("POST", f"/instances/{run['instance_id']}/cancel", 409)
