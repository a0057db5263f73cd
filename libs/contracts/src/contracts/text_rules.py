"""The rules for texts that mean something: expressions, templates, JSON Schemas."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from contracts.expression_text import expressions_in, templates_in
from contracts.language import Language, spelling_hint
from contracts.parsing import pointer
from contracts.reference_rules import Sight, complaints_before_a_run
from contracts.refusal import Problem


@dataclass(frozen=True, slots=True)
class TextRules:
    """Judges texts by the language they are written in; every pointer begins with `at`."""

    language: Language

    def condition(self, at: str, text: str, sight: Sight) -> Iterator[Problem]:
        """A bare expression that is true or false."""
        return self._bare(at, text, sight, self.language.check_condition)

    def expression(self, at: str, text: str, sight: Sight | None) -> Iterator[Problem]:
        """A bare expression of any value; without a sight it is one that is evaluated before the run."""
        return self._bare(at, text, sight, self.language.check_expression)

    def template(self, at: str, value: Any, sight: Sight) -> Iterator[Problem]:
        """Every template in a JSON value."""
        found = list(templates_in(value))
        if not found:
            return
        faults = self.language.check_template(value)
        for place, complaint in faults:
            sentence = f"{complaint}{spelling_hint(complaint, sight)}."
            yield Problem(pointer=at + place, code="bad_expression", message=sentence)
        bad = {place for place, _ in faults}
        for path, template in found:
            if (place := pointer(path)) not in bad:
                for expression in expressions_in(template):
                    for code, sentence in sight.complaints(expression):
                        yield Problem(pointer=at + place, code=code, message=sentence)

    def schema(self, at: str, schema: Any) -> Iterator[Problem]:
        """A JSON Schema; what is no object is for the shape of the configuration to refuse."""
        if isinstance(schema, dict):
            for place, sentence in self.language.check_schema(schema):
                yield Problem(pointer=at + place, code="bad_schema", message=sentence)

    def _bare(self, at: str, text: str, sight: Sight | None, check: Callable[[str], str | None]) -> Iterator[Problem]:
        complaint = check(text)
        if complaint:
            hint = spelling_hint(text, sight) if sight else ""
            yield Problem(pointer=at, code="bad_expression", message=f"`{text}`: {complaint}{hint}.")
            return
        for code, sentence in sight.complaints(text) if sight else complaints_before_a_run(text):
            yield Problem(pointer=at, code=code, message=sentence)
