"""What the errors of the providers' libraries are called."""

import openai
import pytest

from execution.nodes.action import NodeFailure
from execution.providers.sdk_failures import failures_of


async def test_an_error_without_words_is_told_by_its_kind() -> None:
    with pytest.raises(NodeFailure, match="cannot be reached: ConnectionResetError"):
        async with failures_of(openai, "OpenAI"):
            raise openai.APIConnectionError(request=None) from ConnectionResetError()  # type: ignore[arg-type]
