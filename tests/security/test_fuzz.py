"""The interface keeps what its description promises, whatever is sent: some of the requests of `./task fuzz`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.embedded.secrets import read_secrets
from headrace.tokens import sign
from tests.security.fuzz.campaign import Round
from tests.support.stacks import Up

SEED, EXAMPLES = 7, 5
PHASES = ("examples", "fuzzing", "stateful")
REQUESTS_MIN = 150


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Up]:
    """`headrace up`, ready, for these requests alone: nobody knows what they leave behind."""
    up = Up.launch(tmp_path / "data")
    try:
        up.ready_line()
        yield up
    finally:
        up.stop()
        up.reap()


@pytest.mark.timeout(300)
def test_nothing_comes_of_whatever_is_sent(stack: Up, tmp_path: Path, record_property) -> None:
    kept = read_secrets(stack.data_dir)
    assert kept is not None
    token = sign(kept.jwt, "fuzz", teams=["research"], roles=["*:admin"])

    told = Round(SEED, EXAMPLES, PHASES).against(str(stack.state["url"]), token, tmp_path)

    record_property("told", f"fuzz: {'; '.join(told.lines())}")
    assert told.findings == [], (tmp_path / f"round-{SEED}.txt").read_text()[-10_000:]
    assert told.requests >= REQUESTS_MIN
