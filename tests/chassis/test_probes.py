"""What an orchestrator learns over HTTP: who starts lives, who drains is not ready, who is stuck is dead."""

import asyncio
import time
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from chassis import probes
from chassis.probes import Probes


@pytest.fixture
def asked() -> Iterator[Probes]:
    served = Probes().serve(0)
    yield served
    served.close()


def get(served: Probes, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{served.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refused:
        return refused.code, refused.read().decode()


def test_a_process_that_starts_lives_and_takes_no_work(asked: Probes):
    assert (get(asked, "/health/live")[0], get(asked, "/health/ready")[0]) == (200, 503)


@pytest.mark.parametrize("ready", [True, False])
async def test_it_is_ready_when_it_says_so(asked: Probes, ready: bool):
    async def check() -> bool:
        return ready

    asked.follow(check)

    assert (await asyncio.to_thread(get, asked, "/health/ready"))[0] == (200 if ready else 503)
    assert (await asyncio.to_thread(get, asked, "/health/live"))[0] == 200


async def test_a_loop_that_stands_is_dead(asked: Probes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(probes, "LIVE_SECONDS", 0.05)

    async def check() -> bool:
        return True

    asked.follow(check)
    question = asyncio.get_running_loop().run_in_executor(None, get, asked, "/health/live")
    time.sleep(0.5)  # noqa: ASYNC251 - the loop is to stand

    assert (await question)[0] == 503


def test_metrics_are_there_and_nothing_else(asked: Probes):
    assert "headrace_requests" in get(asked, "/metrics")[1]
    assert get(asked, "/etc/passwd")[0] == 404


def test_nothing_listens_where_no_port_is_set():
    assert Probes().serve(None).port is None
