"""On the bus each service says only what is its own to say, and hears only what it is asked or follows."""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator

import pytest
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig
from structlog.testing import capture_logs

from chassis.answering import Answering
from chassis.bus import Bus
from contracts.blueprint import GetBlueprint
from contracts.message import Caller
from headrace.permissions import ASKERS, GATEWAY, OPERATOR, SERVICES, USERS, users_conf
from tests.infra import compose
from tests.infra.walled_bus import Party, walled_bus
from tests.support.eventually import eventually

NS = "walls"
NAMES = tuple(service.name for service in SERVICES)
HERE = tuple(service for service in SERVICES if importlib.util.find_spec(service.name))
"""Those whose code is in this checkout."""


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with walled_bus(NS) as urls:
        yield urls


@pytest.fixture
async def parties(urls: dict[str, str]) -> AsyncIterator[dict[str, Party]]:
    found = {user: await Party.at(url) for user, url in urls.items()}
    yield found
    for party in found.values():
        await party.nc.close()


def may_state(speaker: str, subject: str) -> bool:
    """The promise, said without the table: who may publish what."""
    _, kind, whose, *_ = (*subject.split("."), "")
    if kind in ("command", "query"):
        return speaker in ASKERS
    if kind in NAMES:
        return speaker == kind
    if kind in ("work", "tokens", "nudge"):
        return speaker == "execution"
    return kind == "committed" and speaker == whose


STATEMENTS = (
    *(f"{NS}.{kind}.{name}.Something" for kind in ("command", "query") for name in NAMES),
    *(f"{NS}.{name}.Happened.1" for name in NAMES if name != "metrics"),
    *(f"{NS}.committed.{name}" for name in NAMES),
    *(f"{NS}.{subject}" for subject in ("work.start.1", "work.wake.1", "tokens.spoken.1", "nudge.1")),
)


class TestPublishing:
    @pytest.mark.parametrize("user", USERS)
    async def test_a_user_states_only_what_is_its_own(self, parties: dict[str, Party], user: str):
        passed = await parties[user].may_publish(*STATEMENTS)

        assert passed == {subject for subject in STATEMENTS if may_state(user, subject)}

    @pytest.mark.parametrize("user", NAMES)
    async def test_a_service_leaves_the_streams_and_consumers_of_others_alone(
        self, parties: dict[str, Party], user: str
    ):
        streams = [f"WALLS_{name}".upper() for name in (*NAMES, "work")]
        verbs = ("STREAM.UPDATE", "STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE", "CONSUMER.LIST")
        subjects = [f"$JS.API.{verb}.{stream}" for verb in verbs for stream in streams]
        subjects += [f"$JS.API.CONSUMER.{verb}.{stream}.x" for verb in ("CREATE", "DELETE") for stream in streams]

        passed = await parties[user].may_publish(*subjects)

        own = {"execution": ("EXECUTION", "WORK"), "metrics": ()}.get(user, (user.upper(),))
        assert passed == {f"$JS.API.STREAM.UPDATE.WALLS_{stream}" for stream in own}

    @pytest.mark.parametrize("user", NAMES)
    async def test_a_service_answers_only_to_those_who_may_ask_it(self, parties: dict[str, Party], user: str):
        inboxes = [f"_INBOX_{name}.x" for name in (*NAMES, *ASKERS) if name != user]

        passed = await parties[user].may_publish(*inboxes, "_INBOX.x")

        followers = {service.name for service in SERVICES if user in service.hears}
        assert passed == {f"_INBOX_{name}.x" for name in (*ASKERS, *followers)}


class TestHearing:
    @pytest.mark.parametrize("user", USERS)
    async def test_nobody_listens_at_the_inbox_of_another(self, parties: dict[str, Party], user: str):
        inboxes = [f"_INBOX_{name}.>" for name in USERS]

        assert await parties[user].may_hear(*inboxes, "_INBOX.>", ">") == {f"_INBOX_{user}.>"}

    @pytest.mark.parametrize("user", NAMES)
    async def test_a_service_hears_its_own_requests_alone(self, parties: dict[str, Party], user: str):
        asked = [f"{NS}.{kind}.{name}.*" for kind in ("command", "query", "ops") for name in NAMES]

        assert await parties[user].may_hear(*asked) == {f"{NS}.{kind}.{user}.*" for kind in ("command", "query", "ops")}

    async def test_the_gateway_follows_runs_and_is_deaf_to_requests(self, parties: dict[str, Party]):
        gateway, execution, operator = (parties[name].nc for name in (GATEWAY, "execution", OPERATOR))
        following = await gateway.subscribe(f"{NS}.*.*.1")
        await gateway.flush()

        await operator.publish(f"{NS}.query.execution.1", b"a question")
        await operator.flush()
        await execution.publish(f"{NS}.execution.Happened.1", b"a fact")

        assert (await following.next_msg(5)).data == b"a fact"
        with pytest.raises(NatsTimeout):
            await following.next_msg(0.05)


async def test_what_a_consumer_brings_to_a_request_s_subject_is_no_request(urls, parties):
    bus = Bus(parties["execution"].nc, NS)
    answered: list[object] = []

    async def answer(request: GetBlueprint, _deps: object) -> bytes:
        answered.append(request)
        return b"{}"

    blueprint, js = Answering("blueprint", urls["blueprint"], NS), parties["blueprint"].nc.jetstream()
    await blueprint.start({GetBlueprint: answer}, None)
    forged = GetBlueprint(caller=Caller(user_id="forged"), blueprint_id="0" * 8 + "-0000-0000-0000-" + "0" * 12)
    await js.add_stream(StreamConfig(name="WALLS_BLUEPRINT", subjects=[f"{NS}.blueprint.*.*"]))
    await js.publish(f"{NS}.blueprint.Happened.1", forged.model_dump_json().encode())
    with capture_logs() as logs:
        await bus.js.add_consumer(
            "WALLS_BLUEPRINT",
            ConsumerConfig(
                name="execution_known_versions",
                durable_name="execution_known_versions",
                deliver_subject=GetBlueprint.subject(NS),
                deliver_group="blueprint",
                ack_policy=AckPolicy.NONE,
            ),
        )
        await eventually(lambda: any(line["event"] == "request.not_asked" for line in logs))
    await blueprint.stop(1.0)

    assert answered == []


async def test_a_refusal_is_loud(urls):
    with capture_logs() as logs:
        bus = await Bus.connect(urls["metrics"], NS, "metrics")
        await bus.nc.publish(f"{NS}.execution.InstanceCompleted.1", b"{}")
        [line] = await eventually(lambda: [line for line in logs if line["event"] == "nats.forbidden"])
        await bus.close()

    assert line["log_level"] == "error"
    assert f"{NS}.execution.instancecompleted.1" in line["error"]


class TestTheTable:
    def test_is_what_the_server_is_configured_with(self):
        assert (compose.INFRA / "nats/users.conf").read_text() == users_conf("headrace")

    @pytest.mark.parametrize("row", HERE, ids=lambda row: row.name)
    def test_says_of_each_service_what_the_service_says_of_itself(self, row):
        service = importlib.import_module(f"{row.name}.app").SERVICE

        assert (row.says, row.works) == (bool(service.says), service.work_for is not None)
        assert set(row.hears) == {source for source, _ in service.hears}

    @pytest.mark.parametrize("row", HERE, ids=lambda row: row.name)
    def test_names_the_consumer_of_each_projection_of_foreign_facts(self, row):
        package = importlib.import_module(row.name)
        modules = [
            importlib.import_module(name) for _, name, _ in pkgutil.walk_packages(package.__path__, f"{row.name}.")
        ]
        defined = {found for module in modules for found in vars(module).values() if isinstance(found, type)}
        projections = [found for found in defined if {"name", "source", "reads", "apply"} <= set(vars(found))]

        needed: dict[str, set[str]] = {}
        for projection in projections:
            if projection.source != row.name:
                needed.setdefault(projection.source, set()).add(f"{row.name}_{projection.name}")

        assert {source: set(consumers) for source, consumers in row.hears.items()} == needed
