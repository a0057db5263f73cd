"""The command line: complete help, and refusals in one sentence that says what to do next."""

import subprocess
import sys

import jwt
import pytest

from headrace import cli
from headrace.embedded.secrets import secrets_of
from tests.support.stacks import clean_environment

COMMANDS = (
    "up", "status", "service", "token", "run", "validate", "instances", "logs", "waits", "lineage", "signal", "approve",
    "reject", "pause", "resume", "retry", "cancel", "terminate", "doctor", "archive", "backup", "restore",
    "migrate", "dead-letters", "demo", "version",
)  # fmt: skip
LIGHT_START_MODULES_ABSENT = ("httpx", "asyncpg", "nats", "yaml", "rich", "contracts", "chassis")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_is_for_with_an_example(headrace, command):
    status, out, _ = headrace(command, "--help")

    assert status == 0
    assert "Examples" in out
    assert f"headrace {command}" in out


def test_so_does_the_one_that_clears_a_cache(headrace):
    status, out, _ = headrace("cache", "clear", "--help")

    assert status == 0
    assert "headrace cache clear" in out


def test_the_first_help_lists_every_command(headrace):
    _, out, _ = headrace("--help")

    assert [command for command in COMMANDS if f" {command} " not in out] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["status"], "No stack runs on .headrace: start one with `headrace up`"),
        (["instances"], "No stack runs on .headrace: start one with `headrace up`"),
        (["migrate"], "or set HEADRACE_POSTGRES_DSN"),
        (["migrate", "sideways"], "'sideways' is no direction: choose up, down or status."),
        (["migrate", "--service", "gateway"], "Service 'gateway' keeps no database: choose one of blueprint"),
        (["dead-letters"], "or set HEADRACE_POSTGRES_DSN"),
        (
            ["service", "kitchen"],
            "There is no service 'kitchen': choose one of blueprint, execution, metrics, access, gateway.",
        ),
        (["service", "execution"], "set HEADRACE_NATS_URL and HEADRACE_POSTGRES_DSN"),
        (["token"], ".headrace holds no signing key yet: start a stack with `headrace up`"),
        (["up", "--tools", "missing.py"], "missing.py is not a file: --tools names a Python file"),
        (["run", "missing.yaml"], "missing.yaml cannot be read (No such file or directory): check the path."),
        (["signal", "paid"], "That is 1 word where 2 are expected: headrace signal ID NAME."),
        (["signal", "--blueprint", "1", "paid"], "--blueprint and --key go together"),
        (["signal", "--key", "k", "1", "paid"], "--blueprint and --key go together"),
        (["signal", "1", "paid", "--payload", "yes"], "--payload is not JSON"),
        (["approve", "1", "--form", "{"], "--form is not JSON"),
        (["pause", "1"], "No stack runs on .headrace: start one with `headrace up`"),
        (["demo"], "examples holds no blueprints (*.yaml)"),
        (["cancel", "1", "--url", "http://127.0.0.1:9", "--token", "t"], "http://127.0.0.1:9 does not answer"),
    ],
)
def test_a_refusal_is_one_sentence_that_says_what_to_do(headrace, arguments, sentence):
    status, out, err = headrace(*arguments)

    assert status == 1
    assert out == ""
    assert err.startswith("headrace: ")
    assert sentence in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--signal", "=1"], "--signal '=1' names nothing: write --signal NAME or --signal NAME=VALUE."),
        (["--signal", "paid=yes"], "--signal paid is not JSON"),
        (["--approve", "review={"], "--approve review is not JSON"),
        (["--reject", ""], "--reject '' names nothing"),
    ],
)
def test_answers_that_cannot_be_read_are_refused_before_anything_runs(headrace, tmp_path, options, sentence):
    (tmp_path / "empty.yaml").write_text("{}")

    status, out, err = headrace("run", "empty.yaml", *options)

    assert (status, out) == (1, "")
    assert sentence in err


def test_a_fault_of_ours_is_no_traceback(headrace, monkeypatch):
    monkeypatch.setattr("headrace.status.picture", lambda *_: 1 / 0)

    status, _, err = headrace("status")

    assert status == cli.UNEXPECTED
    assert err.startswith("headrace: unexpected ZeroDivisionError")
    assert "Traceback" not in err


def test_a_secret_is_read_from_the_file_that_is_named_for_it(headrace, tmp_path, monkeypatch):
    (tmp_path / "key").write_text("k" * 64 + "\n")
    monkeypatch.setenv("HEADRACE_JWT_SECRET", "")
    monkeypatch.setenv("HEADRACE_JWT_SECRET_FILE", str(tmp_path / "key"))

    status, out, _ = headrace("token", "--user", "ada")

    assert status == 0
    assert jwt.decode(out.strip(), "k" * 64, algorithms=["HS256"])["sub"] == "ada"


def test_a_secret_that_stands_in_two_places_is_refused(headrace, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADRACE_JWT_SECRET", "x")
    monkeypatch.setenv("HEADRACE_JWT_SECRET_FILE", str(tmp_path / "key"))

    status, _, err = headrace("token")

    assert (status, err) == (
        1,
        "headrace: HEADRACE_JWT_SECRET and HEADRACE_JWT_SECRET_FILE are both set: keep one of them.\n",
    )


def test_a_token_can_be_signed_without_a_stack(headrace, tmp_path):
    secrets_of(tmp_path)

    status, out, _ = headrace("token", "--user", "ada", "--team", "a", "--team", "b", "--data-dir", str(tmp_path))

    assert status == 0
    assert out.count(".") == 2


def test_light_commands_load_no_heavy_library():
    code = (
        "import sys\nfrom headrace import cli\nsys.argv = ['headrace', 'version']\n"
        "try: cli.main()\nexcept SystemExit: pass\n"
        f"sys.exit(str([name for name in {LIGHT_START_MODULES_ABSENT} if name in sys.modules]))"
    )

    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=clean_environment(), check=False
    )

    assert run.stderr.strip() == "[]"
