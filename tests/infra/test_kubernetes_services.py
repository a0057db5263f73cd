"""In Kubernetes each service is told what it knows how to read, is let in as itself, and has time to drain."""

import re
from urllib.parse import urlsplit

import pytest
import yaml

from chassis.settings import PREFIX, Settings
from headrace.permissions import USERS, password_variable
from headrace.services import GATEWAY, MIGRATIONS, SERVICES
from tests.infra.manifests import PODS, container_of, environment, of_kind

DRAIN_SECONDS = 15
"""Of a service that has everything to finish: requests, nodes in flight, the relay."""


class TestServices:
    @pytest.mark.parametrize("name", SERVICES)
    def test_a_service_is_told_what_its_settings_know(self, name: str, monkeypatch: pytest.MonkeyPatch):
        variables = {key: value for key, value in environment(container_of(name)).items() if key.startswith(PREFIX)}
        for key, value in variables.items():
            monkeypatch.setenv(key, value)

        settings = Settings.load()

        assert environment(container_of(name))["SERVICE"] == name
        assert {key.removeprefix(PREFIX).lower() for key in variables} <= set(Settings.model_fields)
        bus = urlsplit(settings.nats_url)
        assert (bus.username, bus.hostname, bus.port) == (name, "nats", 4222)
        if name != GATEWAY:
            assert urlsplit(settings.postgres_dsn).username == name
        else:
            assert "HEADRACE_POSTGRES_DSN" not in variables

    @pytest.mark.parametrize("name", SERVICES)
    def test_a_service_has_time_to_drain(self, name: str):
        assert PODS[name]["spec"]["terminationGracePeriodSeconds"] > DRAIN_SECONDS

    def test_only_those_who_open_secrets_have_the_key_to_them(self):
        holders = {name for name in SERVICES if "HEADRACE_SEALING_KEY" in environment(container_of(name))}

        assert holders == {"access", "execution"}

    def test_each_schema_is_made_by_its_own_role(self):
        script = container_of("migrations")["command"][-1]

        assert re.findall(r"^up (\w+)", script, re.MULTILINE) == sorted(MIGRATIONS)


class TestNats:
    def test_knows_every_user_and_every_server(self):
        variables = environment(container_of("nats"))
        [replicas] = [one["spec"]["replicas"] for one in of_kind("StatefulSet")]
        routes = yaml.safe_load(variables["HEADRACE_NATS_ROUTES"])

        assert {password_variable(user) for user in USERS} <= set(variables)
        assert routes == [f"nats-route://nats-{number}.nats:6222" for number in range(replicas)]

    def test_keeps_as_many_copies_as_there_are_servers(self):
        [replicas] = [one["spec"]["replicas"] for one in of_kind("StatefulSet")]

        for name in MIGRATIONS:
            assert environment(container_of(name))["HEADRACE_NATS_REPLICAS"] == str(replicas)

    def test_work_is_counted_where_it_waits(self):
        [scaled] = of_kind("ScaledObject")
        trigger = scaled["spec"]["triggers"][0]["metadata"]

        place = [trigger[name] for name in ("account", "stream", "consumer")]
        assert place == ["HEADRACE", "HEADRACE_WORK", "execution_start"]
