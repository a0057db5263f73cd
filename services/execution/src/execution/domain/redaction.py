"""Hiding the values of secrets in whatever a node answers, says or fails with (pure)."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus

import orjson

from execution.nodes.action import NodeFailure, NodeResult

HIDDEN = "***"
MIN_HIDDEN_CHARACTERS = 4
"""Shorter values are not hidden: they would be found everywhere."""
BASE64_BITS = 6
_ESCAPED = re.compile(r"%[0-9A-F]{2}")
_LAST_SIGNS = "…'\"`.,)]}> \n"
"""What may stand behind a text that was cut."""


class Redaction:
    """Knows some values, by name, and every form in which they are hidden: `***` stands in their place."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """`values` are what the secrets of one attempt hold."""
        self.values = values

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """Everything that is hidden, the longest first, so that nothing is left of what holds another."""
        found = {form for value in self.values.values() for form in forms_of(value)}
        long_enough = (form for form in found if len(form) >= MIN_HIDDEN_CHARACTERS)
        return tuple(sorted(long_enough, key=lambda form: (-len(form), form)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self.forms)))

    @cached_property
    def _first(self) -> frozenset[str]:
        return frozenset(form[0] for form in self.forms)

    def text(self, text: str) -> str:
        """The text without any of the values; what hiding one puts together is hidden as well."""
        if not self.forms:
            return text
        while (hidden := self._pattern.sub(HIDDEN, text)) != text:
            text = hidden
        return text

    def message(self, text: str) -> str:
        """As `text`, for one that may have been cut in the middle of a value: a beginning at its end goes too."""
        text = self.text(text)
        core = text.rstrip(_LAST_SIGNS)
        place, length = min(self._begins_in(core), self._begins_in(text))
        return text[:place] + HIDDEN if length >= MIN_HIDDEN_CHARACTERS else text

    def value(self, value: Any) -> Any:
        """A JSON value without them: in its texts, in the names of its members, and in numbers that are one."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self.value(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in self.forms:
            return HIDDEN
        return value

    def result(self, result: NodeResult) -> NodeResult:
        """What a node answered, which is JSON by now."""
        return replace(result, output=self.value(orjson.loads(orjson.dumps(result.output))))

    def failure(self, failure: NodeFailure) -> NodeFailure:
        """What a node failed with, without what led to it."""
        seconds = failure.retry_after_seconds
        return NodeFailure(failure.type, self.text(failure.code), self.message(failure.message), seconds)

    def kept_back(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a value."""
        return self._begins_in(text)[1]

    def _begins_in(self, text: str) -> tuple[int, int]:
        """Where the longest ending that begins a value begins, and how long it is."""
        longest = len(self.forms[0]) if self.forms else 0
        for place in range(max(0, len(text) - longest + 1), len(text)):
            if text[place] in self._first:
                ending = text[place:]
                if any(form.startswith(ending) for form in self.forms):
                    return place, len(ending)
        return len(text), 0


class Speech:
    """A text that comes in pieces, handed on as soon as it is certain that no value begins in it."""

    def __init__(self, redaction: Redaction, speak: Callable[[str], None]) -> None:
        """`speak` takes what may be heard."""
        self.redaction = redaction
        self.speak = speak
        self.held = ""

    def say(self, piece: str) -> None:
        """The next piece."""
        text = self.redaction.text(self.held + piece)
        kept = self.redaction.kept_back(text)
        self.held = text[len(text) - kept :]
        self._hand_on(text[: len(text) - kept])

    def end(self) -> None:
        """Nothing follows."""
        rest, self.held = self.held, ""
        self._hand_on(HIDDEN if len(rest) >= MIN_HIDDEN_CHARACTERS else rest)

    def _hand_on(self, text: str) -> None:
        if text:
            self.speak(text)


def forms_of(value: str) -> Iterator[str]:
    """A value as it is, and as JSON, Python, a URL or base64 write it; nothing of one that is too short."""
    for plain in {value, value.strip()}:
        if len(plain) >= MIN_HIDDEN_CHARACTERS:
            yield plain
            yield json.dumps(plain)[1:-1]
            yield json.dumps(plain, ensure_ascii=False)[1:-1]
            yield repr(plain)[1:-1]
            yield ascii(plain)[1:-1]
            yield from _url_forms(plain)
            yield from _base64_forms(plain.encode())


def _url_forms(value: str) -> Iterator[str]:
    for quoted in (quote(value), quote(value, safe=""), quote_plus(value)):
        yield quoted
        yield _ESCAPED.sub(lambda found: found[0].lower(), quoted)


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Whole, and what is always the same where the value stands inside of something longer (`user:password`)."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw).decode()
        yield whole
        yield whole.rstrip("=")
        yield from _inside(encode, raw)


def _inside(encode: Callable[[bytes], bytes], raw: bytes) -> Iterable[str]:
    for before in range(3):
        text = encode(b"\0" * before + raw).decode()
        first = -(-before * 8 // BASE64_BITS)
        last = (before + len(raw)) * 8 // BASE64_BITS
        yield text[first:last]
