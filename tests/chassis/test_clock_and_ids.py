"""Time and identity: one clock that tests can move, ids that sort by time, ids that follow from words."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chassis import clock
from chassis.ids import derived_id, new_id


@pytest.fixture
def offset_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "offset"
    monkeypatch.setattr(clock, "offset_file", path)
    return path


def seconds_ahead() -> float:
    return (clock.now() - datetime.now(UTC)) / timedelta(seconds=1)


def test_the_time_is_utc() -> None:
    assert clock.now().utcoffset() == timedelta(0)
    assert abs(seconds_ahead()) < 1


@pytest.mark.parametrize(("content", "ahead"), [(None, 0), ("", 0), ("3600\n", 3600), ("-0.5", -0.5)])
def test_a_file_moves_the_wall_clock(offset_file: Path, content: str | None, ahead: float) -> None:
    if content is not None:
        offset_file.write_text(content)

    assert seconds_ahead() == pytest.approx(ahead, abs=0.2)


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "offset").write_text("3600")
    asked = "from chassis import clock; print(clock.now().timestamp())"
    environment = os.environ | {"HEADRACE_CLOCK_OFFSET_FILE": str(tmp_path / "offset")}

    said = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)

    assert float(said.stdout) - datetime.now(UTC).timestamp() == pytest.approx(3600, abs=60)


def test_the_file_is_read_every_time(offset_file: Path) -> None:
    offset_file.write_text("60")
    before = seconds_ahead()
    offset_file.write_text("120")

    assert seconds_ahead() - before == pytest.approx(60, abs=0.2)


def test_monotonic_time_is_never_moved(offset_file: Path) -> None:
    before = clock.monotonic()
    offset_file.write_text("-3600")

    assert clock.monotonic() >= before


def test_later_ids_sort_after_earlier_ones() -> None:
    ids = [new_id() for _ in range(1000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == 1000
    assert {found.version for found in ids} == {7}


def test_the_same_words_give_the_same_id_for_ever() -> None:
    assert str(derived_id("blueprint", "hello")) == "5280d222-c7b0-57eb-937b-8f416e5de426"
    assert derived_id("ab", "c") != derived_id("a", "bc")
