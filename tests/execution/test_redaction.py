"""Values of secrets are hidden in what a node answers, says or fails with, in whichever form they stand there."""

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.domain.redaction import HIDDEN, MIN_HIDDEN_CHARACTERS, Redaction, Speech
from execution.nodes.action import NodeFailure, NodeResult

SECRET = "s3cr/t+vålue\n\"'&="
HIDING = Redaction({"TOKEN": SECRET})

letters = st.text(alphabet='ab*"\\/% é\n', max_size=12)
secrets = st.lists(st.text(alphabet='ab*"\\/% é\n', min_size=MIN_HIDDEN_CHARACTERS, max_size=8), min_size=1, max_size=3)
documents = st.recursive(
    letters | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(letters, inner, max_size=3),
    max_leaves=12,
)


def redaction_of(values: list[str]) -> Redaction:
    return Redaction({str(place): value for place, value in enumerate(values)})


def texts_in(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in texts_in(part)]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        orjson.dumps(SECRET).decode()[1:-1],
        repr(SECRET)[1:-1],
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%C3%A5", "%c3%a5").replace(
            "%0A", "%0a").replace("%3D", "%3d"),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)  # fmt: skip
def test_it_is_hidden_in_every_form(written: str) -> None:
    assert HIDING.text(f"before {written} after") == f"before {HIDDEN} after"


@pytest.mark.parametrize("user", ["a", "al", "ali", "alice"])
def test_it_is_hidden_inside_of_what_is_encoded_as_a_whole(user: str) -> None:
    password = "correct-horse-battery"
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    shown = Redaction({"PASSWORD": password}).text(f"Basic {basic}")
    assert HIDDEN in shown
    assert password[3:-3].encode() not in base64.b64decode(shown.removeprefix("Basic ").replace(HIDDEN, "") + "===")


def test_it_is_hidden_in_names_of_members_and_where_it_is_a_number() -> None:
    redaction = Redaction({"PIN": "123456"})
    assert redaction.value({"pin 123456": [123456, 123, True]}) == {"pin ***": [HIDDEN, 123, True]}


def test_without_the_space_around_it_it_is_still_hidden() -> None:
    assert Redaction({"TOKEN": "from-a-file\n"}).text("Bearer from-a-file") == f"Bearer {HIDDEN}"


def test_what_is_too_short_is_found_everywhere_and_not_hidden() -> None:
    assert Redaction({"A": "abc"}).text("abc") == "abc"


def test_a_message_that_was_cut_in_the_middle_of_it_does_not_end_with_its_beginning() -> None:
    failure = NodeFailure("permanent", "http_status", f"The server answered 500: '{SECRET[:9]}…'")
    assert HIDING.failure(failure).message == f"The server answered 500: '{HIDDEN}"


def test_a_failure_keeps_what_it_is() -> None:
    failure = HIDING.failure(NodeFailure("transient", SECRET, f"no {SECRET}", 7.0))
    assert (failure.type, failure.code, failure.message, failure.retry_after_seconds) == (
        "transient",
        "***",
        "no ***",
        7.0,
    )
    assert failure.__cause__ is None


def test_an_answer_keeps_what_it_took() -> None:
    result = HIDING.result(NodeResult({"said": SECRET}, prompt_tokens=3, tool_calls=1))
    assert result == NodeResult({"said": HIDDEN}, prompt_tokens=3, tool_calls=1)


@given(secrets, documents)
def test_no_text_of_any_answer_holds_any_value(values: list[str], document: Any) -> None:
    shown = redaction_of(values).value(document)
    assert not [value for value in values for text in texts_in(shown) if value in text]


@given(secrets, letters, letters, st.data())
def test_what_surrounds_it_stays(values: list[str], before: str, after: str, data: st.DataObject) -> None:
    redaction = redaction_of(values)
    shown = redaction.text(before + data.draw(st.sampled_from(values)) + after)
    assert HIDDEN in shown
    if not redaction.kept_back(before) and redaction.text(before) == before:
        assert shown.startswith(before)


@given(secrets, st.lists(letters | st.sampled_from(["a", "ab", '"']), max_size=12), st.data())
def test_a_text_in_pieces_holds_none_either_wherever_it_is_cut(
    values: list[str], pieces: list[str], data: st.DataObject
) -> None:
    value = data.draw(st.sampled_from(values))
    cut = data.draw(st.integers(0, len(value)))
    place = data.draw(st.integers(0, len(pieces)))
    heard: list[str] = []
    speech = Speech(redaction_of(values), heard.append)
    for piece in [*pieces[:place], value[:cut], value[cut:], *pieces[place:]]:
        speech.say(piece)
    speech.end()
    assert not [value for value in values if value in "".join(heard)]


@given(st.lists(st.text(" ~!.", max_size=9), max_size=9))
def test_what_begins_no_value_is_said_at_once(pieces: list[str]) -> None:
    heard: list[str] = []
    speech = Speech(Redaction({"A": "open sesame"}), heard.append)
    for piece in pieces:
        speech.say(piece)
    assert "".join(heard) == "".join(pieces)
