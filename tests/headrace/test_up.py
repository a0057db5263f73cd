"""`headrace up`: one command starts everything, keeps it running, and leaves nothing behind."""

import os
import re
import signal
import socket
import time

import asyncpg
import psutil
import pytest

from tests.support.eventually import eventually
from tests.support.stacks import clean_environment

NAMES = {"postgres", "nats", "blueprint", "execution", "metrics", "access", "gateway"}
STOP_BUDGET_SECONDS = 15.0


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """One directory for all: making a database takes longer than all the rest of a start."""
    return tmp_path_factory.mktemp("stack") / "data"


@pytest.fixture
def up_on_stand_ins(start_up, stand_ins, data_dir):
    def start(*options, **environment):
        return start_up(data_dir, *options, PYTHONPATH=stand_ins, **environment)

    return start


class TestAStart:
    async def test_says_where_it_is_and_how_to_get_a_token(self, up_on_stand_ins):
        up = up_on_stand_ins()

        line = await up.ready()

        assert re.match(r"ready  http://127\.0\.0\.1:\d+  \(.*headrace token --user you --data-dir ", line)
        assert set(up.state["processes"]) == NAMES
        assert all(psutil.pid_exists(pid) for pid in up.state["processes"].values())

    async def test_gives_each_service_what_it_needs_and_no_more(self, up_on_stand_ins, tmp_path):
        tools = tmp_path / "tools.py"
        tools.touch()
        up = up_on_stand_ins("--workers", "2", "--tools", str(tools), "--production")
        await up.ready()

        def sees(name):
            return (up.data_dir / "logs" / f"{name}.log").read_text()

        assert set(up.state["processes"]) == NAMES - {"execution"} | {"execution-1", "execution-2"}
        assert "HEADRACE_JWT_SECRET" in sees("gateway")
        assert "HEADRACE_POSTGRES_DSN" not in sees("gateway")
        assert "HEADRACE_TOOLS" in sees("execution-2")
        assert "HEADRACE_JWT_SECRET" not in sees("execution-1") + sees("blueprint") + sees("metrics")
        assert all("HEADRACE_PRODUCTION" in sees(name) for name in ("blueprint", "execution-1", "metrics", "gateway"))

    async def test_keeps_its_secrets_to_its_owner_and_its_servers_to_this_machine(self, up_on_stand_ins):
        up = up_on_stand_ins()
        await up.ready()

        private = [up.data_dir / "secrets.json", up.data_dir / "state.json", *(up.data_dir / "logs").iterdir()]
        listening = {
            connection.laddr.ip
            for process in up.look()
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }

        assert [path.name for path in private if path.stat().st_mode & 0o077] == []
        assert listening == {"127.0.0.1"}

    async def test_finds_what_an_earlier_one_kept(self, up_on_stand_ins):
        first = up_on_stand_ins()
        await first.ready()
        connection = await asyncpg.connect(first.state["postgres_dsns"]["metrics"])
        await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        await connection.close()
        secrets = (first.data_dir / "secrets.json").read_text()
        first.stop()

        second = up_on_stand_ins()
        await second.ready()
        connection = await asyncpg.connect(second.state["postgres_dsns"]["metrics"])

        assert await connection.fetchval("SELECT answer FROM metrics.kept") == 42
        assert (second.data_dir / "secrets.json").read_text() == secrets
        await connection.close()

    async def test_uses_outside_servers_when_both_are_named(self, up_on_stand_ins, nats_url, postgres_dsn):
        up = up_on_stand_ins(HEADRACE_NATS_URL=nats_url, HEADRACE_POSTGRES_DSN=postgres_dsn)

        await up.ready()

        assert set(up.state["processes"]) == NAMES - {"postgres", "nats"}
        assert (up.state["nats_url"], set(up.state["postgres_dsns"].values())) == (nats_url, {postgres_dsn})


class TestARefusedStart:
    async def test_on_a_data_directory_that_is_in_use(self, up_on_stand_ins):
        first = up_on_stand_ins()
        await first.ready()

        status, said = up_on_stand_ins().stop(signal.SIGCONT)

        assert status == 1
        assert f"Headrace already runs on {first.data_dir} (pid {first.process.pid}" in said
        assert first.process.poll() is None

    def test_on_a_port_that_is_in_use(self, start_up, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            status, said = start_up(tmp_path / "data", port=port).stop(signal.SIGCONT)

        assert status == 1
        assert f"Port {port} cannot be used" in said
        assert "--port" in said

    def test_with_only_one_outside_server(self, start_up, tmp_path):
        status, said = start_up(tmp_path / "data", HEADRACE_NATS_URL="nats://127.0.0.1:4222").stop(signal.SIGCONT)

        assert status == 1
        assert "HEADRACE_POSTGRES_DSN" in said

    def test_when_a_service_does_not_come_up(self, up_on_stand_ins):
        up = up_on_stand_ins(HEADRACE_STAND_IN_BROKEN="gateway")

        status, said = up.stop(signal.SIGCONT)

        assert status == 1
        assert "gateway does not start: HEADRACE_SOMETHING is not set; set it" in said
        assert up.survivors() == []


class TestWhileItRuns:
    @pytest.mark.parametrize("name", ["execution", "nats", "postgres"])
    async def test_a_process_that_dies_is_started_again(self, up_on_stand_ins, name):
        up = up_on_stand_ins()
        await up.ready()
        dead = up.pid_of(name)

        os.kill(dead, signal.SIGKILL)
        alive = await eventually(lambda: up.pid_of(name) not in (None, dead) and up.pid_of(name))

        assert psutil.pid_exists(alive)
        assert up.state["restarts"][name] >= 1
        assert f"{name} was killed (SIGKILL): started again" in up.stop()[1]


class TestTheEnd:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    async def test_comes_in_order_and_leaves_nothing(self, up_on_stand_ins, number):
        up = up_on_stand_ins()
        await up.ready()

        status, _ = up.stop(number)

        assert status == 0
        assert up.survivors() == []
        assert not (up.data_dir / "state.json").exists()
        assert "shut down" in (up.data_dir / "logs" / "postgres.log").read_text()

    async def test_does_not_wait_for_a_service_that_will_not_stop(self, up_on_stand_ins):
        up = up_on_stand_ins(HEADRACE_STAND_IN_STUBBORN="blueprint")
        await up.ready()
        begun = time.monotonic()

        status, said = up.stop()

        assert status == 0
        assert "blueprint did not stop within" in said
        assert time.monotonic() - begun < STOP_BUDGET_SECONDS
        assert up.survivors() == []

    async def test_of_a_killed_supervisor_takes_everything_with_it(self, up_on_stand_ins):
        up = up_on_stand_ins()
        await up.ready()

        up.stop(signal.SIGKILL)
        await eventually(lambda: up.survivors() == [])
        again = up_on_stand_ins()

        assert await again.ready()

    def test_may_come_before_the_start_is_done(self, up_on_stand_ins):
        up = up_on_stand_ins()
        while not up.look():
            assert up.process.poll() is None, up.process.communicate()

        status, _ = up.stop(signal.SIGINT)

        assert status in (0, -signal.SIGINT)
        assert up.survivors() == []


def test_the_environment_of_these_tests_chooses_no_servers():
    assert [name for name in clean_environment() if name.startswith("HEADRACE_")] == []
