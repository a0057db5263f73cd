"""A look at everything: start a stack, run blueprints in front of the reader, stop the stack."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.answering import Answering, Answers
from headrace.blueprint_file import load_blueprint
from headrace.client import Headrace
from headrace.data_dir import State, read_state
from headrace.embedded.secrets import read_secrets
from headrace.errors import Complaint
from headrace.processes import birth
from headrace.publishing import publish
from headrace.runs import watch
from headrace.tokens import sign
from headrace.workflow_tour import run_workflows

USER = "demo"
START_SECONDS = 90.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
NOT_FOR_THE_DEMO = frozenset(
    f"HEADRACE_{name}" for name in ("NATS_URL", "POSTGRES_DSN", "NAMESPACE", "JWT_SECRET", "PRODUCTION", "WORKERS")
)
"""A deployment's own choices; the demo brings servers and a key of its own."""


@dataclass(frozen=True)
class Example:
    """What an example is run with: its input, and what it is told when it waits."""

    input: Mapping[str, Any] = field(default_factory=dict)
    signals: Sequence[str] = ()
    approvals: Sequence[str] = ()


TOUR = {
    "hello": Example({"name": "Ada"}),
    "order_review": Example({"order": "A-1001", "amount": 1250.0}),
    "answer_question": Example({"question": "Why does an engine write down every step before it goes on?"}),
    "poll_until_done": Example({"rounds": 3}),
    "fan_out": Example(),
    "map_in_order": Example(),
    "approval_with_form": Example(approvals=['budget={"limit": 2000}']),
    "wait_signal": Example(signals=['paid={"amount": 20}']),
    "saga": Example(),
}
"""The examples that the demo shows, in its order; of a folder that has none of them, all are run as they are."""


@dataclass(frozen=True)
class Running:
    """A stack that the demo started."""

    state: State
    token: str


def run_demo(data_dir: Path | None, examples: Path, workflows: bool) -> None:
    """Run the examples, or with `workflows` the recorded scientific workflows, on a stack of their own."""
    files = _example_files(examples)
    begun = time.monotonic()
    print("Starting PostgreSQL, NATS and the five services", flush=True)
    with _directory(data_dir) as directory, _stack(directory) as running:
        print(f"The stack is ready after {time.monotonic() - begun:.1f} s at {running.state.url}")
        _show_processes(running.state)
        with Headrace(running.state.url, running.token) as client:
            if workflows:
                run_workflows(client)
            else:
                _run_examples(client, files)
        print("\nStopping the stack")
    print(f"Nothing is left running. The whole demo took {time.monotonic() - begun:.1f} s.")
    _say_what_next(workflows)


def _example_files(examples: Path) -> list[Path]:
    found = {path.stem: path for path in sorted(examples.glob("*.yaml"))}
    if not found:
        raise Complaint(
            f"{examples} holds no blueprints (*.yaml): run this in the project's folder, or use --examples."
        )
    return [found[name] for name in TOUR if name in found] or list(found.values())


def _run_examples(client: Headrace, files: list[Path]) -> None:
    for file in files:
        example = TOUR.get(file.stem, Example())
        blueprint, _ = publish(client, load_blueprint(file), USER)
        print(f"\n{file}  {blueprint['description']}")
        print(f"  input   {json.dumps(example.input)}")
        answers = Answers.prepared(example.signals, example.approvals, ())
        watch(client, blueprint["id"], example.input, sys.stdout, Answering(client, answers))


def _show_processes(state: State) -> None:
    print("  " + "  ".join(f"{name} ({pid})" for name, pid in state.processes.items()))


def _say_what_next(workflows: bool) -> None:
    other = "./task demo" if workflows else "./task demo -- --workflows"
    what = "the examples" if workflows else "recorded scientific workflows, up to 2,122 tasks"
    print(
        "\nTry next\n"
        "  .venv/bin/headrace up                                    the same stack, in the foreground\n"
        '  .venv/bin/headrace run examples/hello.yaml -i \'{"name": "you"}\'\n'
        "  .venv/bin/headrace instances                             what ran\n"
        "  .venv/bin/headrace token --user you                      a token for curl; the API's pages are at /docs\n"
        f"  {other:<56} {what}"
    )


@contextmanager
def _directory(chosen: Path | None) -> Iterator[Path]:
    if chosen is not None:
        yield chosen
        return
    with tempfile.TemporaryDirectory(prefix="headrace-demo-", ignore_cleanup_errors=True) as temporary:
        # Passable, so that PostgreSQL's own user gets to its part when root runs the demo.
        Path(temporary).chmod(0o711)
        yield Path(temporary)


@contextmanager
def _stack(data_dir: Path) -> Iterator[Running]:
    """A stack in a process of its own, stopped when the block ends, and also when this process is killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "headrace", "up", "--data-dir", str(data_dir), "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name not in NOT_FOR_THE_DEMO},
        preexec_fn=birth(signal.SIGTERM),  # noqa: PLW1509 - no thread runs yet
    )
    try:
        yield _ready(process, data_dir)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _ready(process: subprocess.Popen[str], data_dir: Path) -> Running:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        state, secrets = read_state(data_dir), read_secrets(data_dir)
        if state is not None and state.ready and secrets is not None:
            return Running(state, sign(secrets.jwt, USER, ttl="1h"))
        time.sleep(POLL_SECONDS)
    process.terminate()
    reason = process.communicate()[1].strip().splitlines()
    raise Complaint((reason[-1] if reason else "The stack did not start.").removeprefix("headrace: "))
