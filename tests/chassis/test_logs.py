"""Log lines: nothing is written that somebody in the process hides, whoever logs it."""

import subprocess
import sys

import pytest

PROGRAM = """
import logging
from chassis.logs import configure_logging, get_logger, hide_in_logs

configure_logging("mill", output={output!r})
hide_in_logs(lambda line: line.replace("hunter2", "***"))
get_logger("own").warning("key.used", key="hunter2")
try:
    raise ValueError("hunter2")
except ValueError:
    get_logger("own").exception("key.refused")
    logging.getLogger("somebody else's").exception("with %s", "hunter2")
"""


@pytest.mark.parametrize("output", ["json", "text"])
def test_what_is_hidden_is_in_no_line_of_whichever_logger(output: str) -> None:
    program = [sys.executable, "-c", PROGRAM.format(output=output)]
    said = subprocess.run(program, capture_output=True, text=True, check=True).stderr
    assert "hunter2" not in said
    assert said.count("***") >= 4
    assert "key.used" in said
    assert "ValueError" in said
