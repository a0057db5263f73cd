"""Fixtures of simulated histories."""

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def no_logs() -> Iterator[None]:
    """Thousands of runs have nothing to say to anybody, and saying it takes longer than they do."""
    configured = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**configured)
