"""Boolean functions of the choices that a run makes, shared and reduced: equal ones are the same number (pure)."""

from contracts.graph_shape import TooTangled

NEVER, ALWAYS = 0, 1
MAX_FUNCTIONS = 50_000
"""Functions kept of one graph; what needs more is refused."""
MAX_STEPS = 200_000
"""Pairs and triples of functions that are combined for one graph."""
MAX_CHOICES_DEEP = 300
"""Choices that one function may depend on in a row, so that judging it needs no deep stack."""
NO_CHOICE = 1 << 60
"""Stands after every choice in the order that functions ask them."""


class Guards:
    """Reduced ordered decision diagrams over choices that are made independently of each other."""

    def __init__(self) -> None:
        """Nothing but the two constants."""
        self._functions: list[tuple[int, int, int]] = [(NO_CHOICE, NEVER, NEVER), (NO_CHOICE, ALWAYS, ALWAYS)]
        self._known: dict[tuple[int, int, int], int] = {}
        self._combined: dict[tuple[int, int, int], int] = {}
        self._restricted: dict[tuple[int, int], int] = {}
        self._choices = 0

    def choice(self) -> int:
        """A new choice: true or false, whatever the others are."""
        self._choices += 1
        return self._function(self._choices, NEVER, ALWAYS)

    def both(self, one: int, other: int) -> int:
        """True when the two are."""
        return self._if(one, other, NEVER)

    def either(self, one: int, other: int) -> int:
        """True when at least one of the two is."""
        return self._if(one, ALWAYS, other)

    def no(self, one: int) -> int:
        """True when it is not."""
        return self._if(one, NEVER, ALWAYS)

    def overlap(self, one: int, other: int) -> bool:
        """Whether some run makes both true."""
        return self.both(one, other) != NEVER

    def given(self, one: int, known: int, depth: int = 0) -> int:
        """The function among the runs in which `known` holds; two that differ only elsewhere become the same."""
        if known == ALWAYS or one in (NEVER, ALWAYS):
            return one
        if known == NEVER:
            return NEVER
        found = self._restricted.get((one, known))
        if found is None:
            found = self._restricted[one, known] = self._given(one, known, depth)
            self._stay_within(depth)
        return found

    def _given(self, one: int, known: int, depth: int) -> int:
        choice = min(self._functions[one][0], self._functions[known][0])
        low, high = self._halves(one, choice)
        low_known, high_known = self._halves(known, choice)
        if low_known == NEVER:
            return self.given(high, high_known, depth + 1)
        if high_known == NEVER:
            return self.given(low, low_known, depth + 1)
        without, with_it = self.given(low, low_known, depth + 1), self.given(high, high_known, depth + 1)
        return self._function(choice, without, with_it)

    def _if(self, test: int, then: int, otherwise: int, depth: int = 0) -> int:
        if test == ALWAYS or then == otherwise:
            return then
        if test == NEVER:
            return otherwise
        if (then, otherwise) == (ALWAYS, NEVER):
            return test
        key = (test, then, otherwise)
        found = self._combined.get(key)
        if found is None:
            self._stay_within(depth)
            choice = min(self._functions[function][0] for function in key)
            (a, x), (b, y), (c, z) = (self._halves(function, choice) for function in key)
            found = self._function(choice, self._if(a, b, c, depth + 1), self._if(x, y, z, depth + 1))
            self._combined[key] = found
        return found

    def _halves(self, function: int, choice: int) -> tuple[int, int]:
        """The function where the choice is false, and where it is true."""
        asked, low, high = self._functions[function]
        return (low, high) if asked == choice else (function, function)

    def _function(self, choice: int, low: int, high: int) -> int:
        if low == high:
            return low
        key = (choice, low, high)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self._functions)
            self._functions.append(key)
        return found

    def _stay_within(self, depth: int) -> None:
        steps = len(self._combined) + len(self._restricted)
        if depth > MAX_CHOICES_DEEP or len(self._functions) > MAX_FUNCTIONS or steps > MAX_STEPS:
            raise TooTangled("choices depend on each other too much")
