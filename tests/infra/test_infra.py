"""What runs on a single host is configured as the code expects, and the walls between services hold in SQL too."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from chassis.settings import PREFIX, Settings
from headrace.embedded.binaries import nats_binary, postgres_binary
from tests.infra import compose
from tests.support.backends import Backend
from tests.support.infrastructure import database_dsn, postgres_server

ROOT = compose.INFRA.parent
PACKAGED = ROOT / "libs/headrace/src/headrace/embedded"
KEEPERS = ("blueprint", "execution", "metrics", "access")
APPS = (*KEEPERS, "gateway")
SECRETS = {name: f"s{token_hex(8)}" for name in compose.required_variables()}
ONE_SHOT = {"migrate"}
WATCHERS = {"prometheus", "grafana", "otel-collector"}
WITHOUT_A_SHELL = {"otel-collector"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return compose.services(SECRETS)


@pytest.fixture(scope="module")
def provisioned() -> Iterator[str]:
    """A database after `init.sql` ran twice."""
    # Always a server of its own: roles belong to a whole server, and somebody may be using theirs.
    with postgres_server(Backend("embedded", "roles belong to a whole server")) as dsn:
        for _ in range(2):
            run_sql(dsn, compose.INFRA / "init.sql")
        yield dsn


def instructions() -> list[tuple[str, str]]:
    """The steps of the Dockerfile, each as (word, rest)."""
    lines = re.sub(r"\\\n\s*", "", (compose.INFRA / "Dockerfile").read_text()).splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]


def test_the_embedded_stack_makes_the_same_roles():
    assert (compose.INFRA / "init.sql").read_bytes() == (PACKAGED / "init.sql").read_bytes()


class TestCompose:
    def test_runs_the_five_services_and_the_two_servers_they_stand_on(self, services):
        assert set(services) - WATCHERS == {"nats", "postgres", "migrate", *APPS}
        assert {name: services[name]["environment"]["SERVICE"] for name in APPS} == {name: name for name in APPS}

    @pytest.mark.parametrize("name", APPS)
    def test_sets_what_the_settings_know_to_values_they_take(self, services, name: str, monkeypatch):
        variables = {key: str(value) for key, value in services[name]["environment"].items() if key.startswith(PREFIX)}
        for key, value in variables.items():
            monkeypatch.setenv(key, value)

        settings = Settings.load()

        assert {key.removeprefix(PREFIX).lower() for key in variables} <= set(Settings.model_fields)
        assert urlsplit(settings.nats_url).hostname == "nats"

    @pytest.mark.parametrize("name", KEEPERS)
    def test_lets_each_service_into_the_database_as_itself(self, services, name: str):
        dsn = urlsplit(services[name]["environment"]["HEADRACE_POSTGRES_DSN"])

        assert (dsn.username, dsn.password) == (name, SECRETS[f"HEADRACE_{name.upper()}_PASSWORD"])

    def test_gives_the_gateway_no_database(self, services):
        assert "HEADRACE_POSTGRES_DSN" not in services["gateway"]["environment"]

    def test_asks_each_long_running_container_how_it_is(self, services):
        assert {name for name, one in services.items() if "healthcheck" not in one} == ONE_SHOT | WITHOUT_A_SHELL

    @pytest.mark.parametrize("name", APPS)
    def test_lets_each_service_in_to_the_bus_as_itself(self, services, name: str):
        url = urlsplit(services[name]["environment"]["HEADRACE_NATS_URL"])

        assert (url.username, url.password) == (name, SECRETS[f"HEADRACE_NATS_{name.upper()}_PASSWORD"])

    @pytest.mark.parametrize("name", [*APPS, "migrate"])
    def test_lets_no_service_write_beside_its_scratch_or_become_root(self, services, name: str):
        service = services[name]

        assert service["user"] not in {"0", "root"}
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]

    def test_bounds_what_each_container_may_take_and_gives_it_time_to_stop(self, services):
        for service in services.values():
            assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
        assert all(services[name]["stop_grace_period"] == "30s" for name in APPS)

    def test_watches_only_when_asked(self, services):
        assert {name for name, service in services.items() if "profiles" in service} == WATCHERS

    def test_is_taken_by_docker_where_there_is_one(self):
        if (
            shutil.which("docker") is None
            or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
        ):
            pytest.skip("there is no docker compose here: CI has one, and starts what the file describes")
        command = ["docker", "compose", "--file", str(compose.INFRA / "compose.yaml"), "config", "--quiet"]

        run = subprocess.run(command, env=os.environ | SECRETS, capture_output=True, text=True, check=False)

        assert run.returncode == 0, run.stderr

    def test_waits_for_what_exists(self, services):
        awaited = {name for service in services.values() for name in service.get("depends_on", {})}

        assert awaited == {"nats", "postgres", "migrate"}

    def test_pins_its_images(self, services):
        images = {service["image"] for service in services.values()}

        assert {image for image in images if not re.search(r":v?\d", image)} == set()

    def test_can_run_several_executions(self, services):
        assert {"container_name", "ports"} & set(services["execution"]) == set()

    def test_mounts_files_that_are_there(self, services):
        mounts = [mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])]

        assert [path for path in mounts if path.startswith(".") and not (compose.INFRA / path).is_file()] == []

    def test_needs_nothing_that_the_example_does_not_offer(self):
        assert compose.required_variables() <= set(compose.example_variables())


class TestDockerfile:
    def test_installs_what_is_locked_and_runs_as_nobody_in_particular(self):
        words = [word for word, _ in instructions()]
        installs = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
        last_user = next(rest for word, rest in reversed(instructions()) if word == "USER")

        assert words.count("FROM") == 2
        assert words[-2:] == ["USER", "CMD"]
        assert last_user == "headrace"
        assert all("--require-hashes" in run or "--no-deps --no-build-isolation" in run for run in installs)

    def test_starts_the_service_that_the_container_is_told_to_be(self):
        word, rest = instructions()[-1]

        assert (word, json.loads(rest)[:2]) == ("CMD", ["sh", "-c"])
        assert json.loads(rest)[2].startswith('exec headrace service "${SERVICE:?')

    def test_copies_what_the_build_may_see(self):
        allowed = (ROOT / ".dockerignore").read_text().splitlines()
        copied = [rest.split()[0] for word, rest in instructions() if word == "COPY" and "--from" not in rest]

        assert [path for path in copied if not any(line.startswith(f"!{path}") for line in allowed)] == []


class TestNats:
    @pytest.mark.parametrize("name", ["nats.conf", "cluster.conf"])
    def test_accepts_its_configuration(self, name: str):
        command = [str(nats_binary()), "-t", "-c", str(compose.INFRA / "nats" / name)]
        routes = json.dumps([f"nats-route://nats-{number}.nats:6222" for number in range(3)])
        own = {"HEADRACE_NATS_NAME": "nats-0", "HEADRACE_NATS_ROUTES": routes, "HEADRACE_NATS_ROUTE_PASSWORD": "sroute"}
        environment = {**os.environ, **SECRETS, **own, "HEADRACE_NATS_STORE": "20GB"}

        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

        assert run.returncode == 0, run.stderr

    @pytest.mark.parametrize("name", ["nats.conf", "cluster.conf"])
    def test_takes_the_largest_fact_and_lets_in_nobody_without_a_name(self, name: str):
        configuration = (compose.INFRA / "nats" / name).read_text()

        assert re.search(r"^max_payload: 8MB$", configuration, re.MULTILINE)
        assert 'include "users.conf"' in configuration
        assert "no_auth_user" not in configuration


class TestPostgres:
    async def test_a_service_finds_its_own_schema_and_may_rebuild_beside_it(self, provisioned: str):
        for service in KEEPERS:
            rows = await asyncpg.connect(as_role(provisioned, service))
            await rows.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
            await rows.execute(f"CREATE TABLE IF NOT EXISTS {service}_shadow.kept (n int)")

            assert await rows.fetchval("SELECT current_schema()") == service
            await rows.close()

    @pytest.mark.parametrize("stranger", KEEPERS)
    async def test_a_service_sees_and_makes_nothing_in_the_schema_of_another(self, provisioned: str, stranger: str):
        others = [name for name in KEEPERS if name != stranger]
        for owner in others:
            rows = await asyncpg.connect(as_role(provisioned, owner))
            await rows.execute("CREATE TABLE IF NOT EXISTS theirs (n int)")
            await rows.close()
        forbidden = [f"SELECT n FROM {owner}.theirs" for owner in others]
        forbidden += [f"INSERT INTO {owner}.theirs VALUES (1)" for owner in others]
        forbidden += [f"CREATE TABLE {owner}{kind}.mine (n int)" for owner in others for kind in ("", "_shadow")]
        forbidden += [f"SET ROLE {owner}" for owner in others]
        forbidden += [
            "CREATE TABLE public.mine (n int)",
            "CREATE SCHEMA mine",
            "CREATE ROLE mine",
            "CREATE DATABASE mine",
        ]
        rows = await asyncpg.connect(as_role(provisioned, stranger))

        for statement in forbidden:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await rows.execute(statement)
        await rows.close()


def as_role(dsn: str, role: str) -> str:
    """The same database, seen by another role."""
    return database_dsn(dsn, "postgres").replace("postgres@", f"{role}@", 1)


def run_sql(dsn: str, file: Path) -> None:
    """Run a file as the container's entry point does."""
    environment = {**os.environ, **SECRETS}
    command = [str(postgres_binary("psql")), "-X", "-q", "-d", dsn, "-f", str(file)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
