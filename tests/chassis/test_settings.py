"""What the environment may set, and the sentence it gets for a value that cannot be used."""

from pathlib import Path

import pytest

from chassis.settings import BadSettings, Settings


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"HEADRACE_{field.upper()}", raising=False)


def test_without_an_environment_the_defaults_suit_one_machine() -> None:
    settings = Settings.load()

    assert (settings.namespace, settings.production, settings.log_format) == ("headrace", False, "json")


def test_every_field_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_NATS_URL", "nats://a:1,nats://b:2")
    monkeypatch.setenv("HEADRACE_PRODUCTION", "true")
    monkeypatch.setenv("HEADRACE_TOOLS", "tools.py")

    settings = Settings.load()

    assert (settings.nats_url, settings.production, settings.tools) == ("nats://a:1,nats://b:2", True, Path("tools.py"))


def test_every_field_says_what_it_is_for() -> None:
    undocumented = [name for name, field in Settings.model_fields.items() if not field.description]

    assert undocumented == []


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_NAMESPACE", "My-Stack")
    monkeypatch.setenv("HEADRACE_PORT", "99999")

    with pytest.raises(BadSettings) as bad:
        Settings.load()

    first, second = str(bad.value).split("; ")
    assert first.startswith("HEADRACE_NAMESPACE='My-Stack' cannot be used: ")
    assert second == "HEADRACE_PORT='99999' cannot be used: input should be less than or equal to 65535"


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_JWT_SECRET", "hunter2")

    assert "hunter2" not in repr(Settings.load())


@pytest.mark.parametrize(("endpoint", "exports"), [(None, False), ("", False), ("http://collector:4318", True)])
def test_traces_are_exported_where_the_standard_variable_says_so(
    monkeypatch: pytest.MonkeyPatch, endpoint: str | None, *, exports: bool
) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    if endpoint is not None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)

    assert Settings.load().otel is exports
