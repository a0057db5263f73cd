"""What the environment may set, and the sentence it gets for a value that cannot be used."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from chassis import clock
from chassis.secret_files import FROM_FILES
from chassis.settings import BadSettings, Settings


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"HEADRACE_{field.upper()}", raising=False)
        monkeypatch.delenv(f"HEADRACE_{field.upper()}_FILE", raising=False)


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


def test_a_clock_that_a_file_moves_is_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "offset_file", Path("offset"))

    assert not Settings.load().production
    with pytest.raises(BadSettings, match="HEADRACE_CLOCK_OFFSET_FILE moves the clock"):
        Settings.load(production=True)


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


@pytest.mark.parametrize("name", FROM_FILES)
def test_what_is_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("  from-the-file\n")
    monkeypatch.setenv(f"HEADRACE_{name}", "")
    monkeypatch.setenv(f"HEADRACE_{name}_FILE", str(tmp_path / "secret"))

    found = getattr(Settings.load(), name.lower())

    assert (found.get_secret_value() if isinstance(found, SecretStr) else found) == "from-the-file"


def test_what_is_asked_for_comes_before_what_a_file_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("nats://file")
    monkeypatch.setenv("HEADRACE_NATS_URL_FILE", str(tmp_path / "secret"))

    assert Settings.load(nats_url="nats://asked").nats_url == "nats://asked"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "HEADRACE_SEALING_KEY_FILE='{}' cannot be read: No such file or directory"),
        (b" \n", "HEADRACE_SEALING_KEY_FILE='{}' cannot be used: the file is empty"),
        (b"\xff\xfe", "HEADRACE_SEALING_KEY_FILE='{}' cannot be used: it is not text"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv("HEADRACE_SEALING_KEY_FILE", str(tmp_path / "key"))

    with pytest.raises(BadSettings) as bad:
        Settings.load()

    assert str(bad.value) == sentence.format(tmp_path / "key")


def test_a_value_and_a_file_for_it_are_one_too_many(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter3")
    monkeypatch.setenv("HEADRACE_JWT_SECRET", "hunter2")
    monkeypatch.setenv("HEADRACE_JWT_SECRET_FILE", str(tmp_path / "key"))

    with pytest.raises(BadSettings) as bad:
        Settings.load()

    assert str(bad.value) == "HEADRACE_JWT_SECRET and HEADRACE_JWT_SECRET_FILE are both set: keep one of them"
