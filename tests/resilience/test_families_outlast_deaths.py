"""Parents and children go on after a worker was killed between them, and after the whole stack was down."""

from tests.resilience.conftest import House
from tests.resilience.test_the_stack_restarts import restarted
from tests.support.api import Api, Json
from tests.support.blueprints import chain, nap, step

ITEMS = 6


async def a_parent_of(api: Api, child: Json) -> Json:
    """Runs the child for each item, and answers what they answer."""
    call = {"blueprint_id": (await api.create(child))["id"], "input": "${ item }"}
    every = step("each", "map", items="${ input }", blueprint=call)
    return await api.create(chain(every, step("end", "end", output="${ nodes.each.results }"), name="parent"))


async def children_of(api: Api, run: str, count: int = 1) -> list[str]:
    """The ids of the instances that a run has started."""
    found = (await api.get(f"/instances/{run}/lineage"))["children"]
    assert len(found) == count, found
    return [child["instance_id"] for child in found]


async def test_a_worker_that_is_killed_costs_no_child_and_no_answer(house: House, ada: Api) -> None:
    child = chain(nap("nap", 1.0), step("end", "end", output="${ input * 2 }"), name="naps")
    run = await ada.begin(await a_parent_of(ada, child), list(range(ITEMS)))
    await ada.reaches(run, "waiting")
    [worker] = house.workers_pids()

    await house.kill(worker)

    ended = await ada.ends(run, timeout=40)
    assert ended["output"] == [2 * item for item in range(ITEMS)]
    assert (await ada.told(run)).count("ChildEnded") == ITEMS
    await children_of(ada, run, ITEMS)


async def test_a_family_waits_while_the_stack_is_down(house: House, ada: Api) -> None:
    child = chain(step("go", "signal", name="go"), step("end", "end", output="${ nodes.go }"), name="waits")
    run = await ada.begin(await a_parent_of(ada, child), [0])
    await ada.reaches(run, "waiting")
    [waiting] = await children_of(ada, run)
    await ada.waits(waiting)

    async with restarted(house, ada.user) as again:
        await again.steer(waiting, "signal", name="go", payload="home")
        assert (await again.ends(run))["output"] == ["home"]
