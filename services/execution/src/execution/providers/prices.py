"""What tokens cost: a small table in US dollars, which a deployment replaces or extends."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from types import MappingProxyType

import orjson

from chassis.logs import get_logger

PRICES_VARIABLE = "HEADRACE_MODEL_PRICES"
"""JSON: `{"model": {"prompt": 2.5, "completion": 10}}`, US dollars for a million tokens."""

TOKENS_PER_PRICE = 1_000_000

log = get_logger(__name__)


class BadPrices(Exception):
    """The variable does not hold a price table; the process does not start."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    prompt: Decimal
    completion: Decimal

    def of(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """What an answer cost, exactly."""
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / TOKENS_PER_PRICE


def _price(prompt: str, completion: str) -> Price:
    return Price(Decimal(prompt), Decimal(completion))


KNOWN_PRICES: Mapping[str, Price] = MappingProxyType(
    {
        "gpt-4o": _price("2.50", "10.00"),
        "gpt-4o-mini": _price("0.15", "0.60"),
        "gpt-4.1": _price("2.00", "8.00"),
        "gpt-4.1-mini": _price("0.40", "1.60"),
        "gpt-4.1-nano": _price("0.10", "0.40"),
        "gpt-5": _price("1.25", "10.00"),
        "gpt-5-mini": _price("0.25", "2.00"),
        "gpt-5-nano": _price("0.05", "0.40"),
        "o4-mini": _price("1.10", "4.40"),
        "claude-haiku-4-5": _price("1.00", "5.00"),
        "claude-sonnet-4": _price("3.00", "15.00"),
        "claude-sonnet-4-5": _price("3.00", "15.00"),
        "claude-opus-4": _price("15.00", "75.00"),
        "claude-opus-4-5": _price("5.00", "25.00"),
        "offline": _price("0", "0"),
    }
)
"""List prices by model name; a date or `latest` behind the name costs the same."""

_EDITION = re.compile(r"-(\d{4}-?\d{2}-?\d{2}|latest)$")


class Prices:
    """What the models of this deployment cost."""

    def __init__(self, overrides: Mapping[str, Price] | None = None) -> None:
        """`overrides` win over the known prices."""
        self._prices = {**KNOWN_PRICES, **(overrides or {})}
        self._price_of = lru_cache(maxsize=1_024)(self._find)

    @classmethod
    def from_json(cls, text: str | None) -> "Prices":
        """The known prices with those of the variable; raises `BadPrices`."""
        if not text:
            return cls()
        try:
            table = orjson.loads(text)
            return cls({name: _price(str(row["prompt"]), str(row["completion"])) for name, row in table.items()})
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
            shape = '{"model": {"prompt": 2.5, "completion": 10}}, US dollars for a million tokens'
            raise BadPrices(f"{PRICES_VARIABLE} must look like {shape}: {error}.") from error

    def cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """US dollars; zero for a model without a price, which the log mentions once."""
        price = self._price_of(model)
        return Decimal(0) if price is None else price.of(prompt_tokens, completion_tokens)

    def _find(self, model: str) -> Price | None:
        price = self._prices.get(model) or self._prices.get(_EDITION.sub("", model))
        if price is None:
            log.warning("model.without_price", model=model, hint=f"cost counts as 0; set {PRICES_VARIABLE}")
        return price
