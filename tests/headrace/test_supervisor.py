"""Restarts: at once, then ever later, and at once again after good health."""

import os
import signal
import sys

import pytest

from headrace.processes import alive
from headrace.supervisor import Backoff, Program, Supervised
from tests.support.eventually import eventually


def test_the_first_restart_is_immediate_and_later_ones_wait_twice_as_long_each():
    backoff = Backoff()

    assert [backoff.after(0.5) for _ in range(10)] == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_thirty_seconds_of_health_make_the_next_restart_a_first_one():
    backoff = Backoff()
    for _ in range(5):
        backoff.after(1.0)

    assert [backoff.after(31.0), backoff.after(1.0)] == [0.0, 0.1]


@pytest.fixture
def reports():
    return []


@pytest.fixture
def supervise(tmp_path, reports):
    def make(code: str, **options) -> Supervised:
        program = Program("child", (sys.executable, "-c", code), tmp_path / "child.log", **options)
        return Supervised(program, reports.append)

    return make


async def test_a_program_that_dies_is_started_again_and_reported(supervise, reports, tmp_path):
    child = supervise("import sys; sys.exit(3)")

    child.start()
    await eventually(lambda: child.restarts >= 2)
    await child.stop(1.0)

    log = tmp_path / "child.log"
    assert reports[:2] == [
        f"child exited with status 3: started again; its log: {log}",
        f"child exited with status 3: started again in 0.1 s; its log: {log}",
    ]


async def test_what_it_said_last_explains_why(supervise):
    child = supervise("import sys; print('hello'); sys.exit('the port is taken')")

    child.start()
    await eventually(lambda: child.restarts >= 1)
    await child.stop(1.0)

    assert child.last_words() in {"the port is taken", "hello"}


async def test_a_stop_asks_first_and_then_insists(supervise, reports):
    child = supervise(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('on', flush=True)\ntime.sleep(60)"
    )
    child.start()
    await eventually(lambda: child.last_words() == "on")
    pid = child.pid

    await child.stop(0.2)

    assert not alive(pid)
    assert child.restarts == 0
    assert reports == ["child did not stop within 0.2 s: killed"]


async def test_a_stop_uses_the_signal_of_the_program(supervise):
    child = supervise(
        "import signal, time\n"
        "signal.signal(signal.SIGINT, lambda *_: (print('interrupted', flush=True), exit(0)))\n"
        "print('on', flush=True)\ntime.sleep(60)",
        stop_signal=signal.SIGINT,
    )
    child.start()
    await eventually(lambda: child.last_words() == "on")

    await child.stop(5.0)

    assert child.last_words() == "interrupted"


async def test_a_log_is_private_and_does_not_grow_for_ever(supervise, tmp_path, monkeypatch):
    monkeypatch.setattr("headrace.supervisor.LOG_BYTES_MAX", 10)
    log = tmp_path / "child.log"
    log.write_text("x" * 11)
    child = supervise("import time; print('new', flush=True); time.sleep(60)")

    child.start()
    await eventually(lambda: child.last_words() == "new")
    await child.stop(5.0)

    assert log.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "child.log.1").read_text() == "x" * 11


async def test_a_spare_takes_the_place_of_a_dead_program_at_once_and_another_one_gets_ready(supervise, tmp_path):
    waiting = "import sys, time; print('waits', flush=True); sys.stdin.readline() and print('goes', flush=True)"
    child = supervise(
        "import time; time.sleep(60)", waiting=(sys.executable, "-c", f"{waiting}; time.sleep(60)"), spare=True
    )
    said = (tmp_path / "child.log").read_text
    child.start()
    first = child.pid
    child.keep_spare()
    await eventually(lambda: said() == "waits\n")

    os.kill(first, signal.SIGKILL)
    await eventually(lambda: said() == "waits\ngoes\nwaits\n")

    assert child.pid not in (None, first)
    await child.stop(5.0)


async def test_a_spare_ends_with_its_program(supervise, tmp_path):
    waiting = "import os, sys; print(os.getpid(), flush=True); sys.stdin.readline()"
    child = supervise("import time; time.sleep(60)", waiting=(sys.executable, "-c", waiting), spare=True)
    child.start()
    child.keep_spare()
    await eventually(lambda: child.last_words().isdigit())
    spare = int(child.last_words())

    await child.stop(5.0)

    assert not alive(spare)
