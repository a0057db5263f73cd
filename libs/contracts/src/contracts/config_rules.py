"""The rules for what a blueprint, or one run of it, configures as a whole."""

from collections.abc import Iterable, Iterator

from contracts.refusal import Problem
from contracts.text_rules import TextRules
from contracts.vocabulary import Vocabulary
from contracts.workflow import BlueprintConfig, CachePolicy, MiddlewareChoice, RateLimit, RunConfig


def run_problems(config: RunConfig, text: TextRules, vocabulary: Vocabulary) -> Iterator[Problem]:
    """What is wrong with what a run may be given; pointers are into the body that holds `config`."""
    if config.executor is not None and config.executor not in vocabulary.executors:
        sentence = f"There is no executor `{config.executor}`; known are {', '.join(vocabulary.executors)}."
        yield Problem(pointer="/config/executor", code="unknown_executor", message=sentence)
    if isinstance(config.cache, CachePolicy) and config.cache.key is not None:
        yield from text.expression("/config/cache/key", config.cache.key, None)


def config_problems(config: BlueprintConfig, text: TextRules, vocabulary: Vocabulary) -> Iterator[Problem]:
    """What is wrong with the blueprint's own settings."""
    yield from run_problems(config, text, vocabulary)
    if config.concurrency is not None:
        yield from text.expression("/config/concurrency/key", config.concurrency.key, None)
    if config.middleware is not None:
        yield from _middleware(config.middleware, vocabulary)
    if config.rate_limit is not None:
        yield from _rate_limit("/config/rate_limit", config.rate_limit, vocabulary)
    for index, limit in enumerate(config.rate_limits):
        yield from _rate_limit(f"/config/rate_limits/{index}", limit, vocabulary)
    yield from text.schema("/config/input_schema", config.input_schema)


def _middleware(choice: MiddlewareChoice, vocabulary: Vocabulary) -> Iterator[Problem]:
    named: set[str] = set()
    for place, name in _named(choice):
        if name not in vocabulary.middleware:
            sentence = f"There is no middleware `{name}`; known are {', '.join(vocabulary.middleware)}."
            yield Problem(pointer=f"/config/middleware/{place}", code="unknown_middleware", message=sentence)
        elif name in named:
            sentence = f"`{name}` is named already; leave it out or order it, once."
            yield Problem(pointer=f"/config/middleware/{place}", code="named_twice", message=sentence)
        named.add(name)


def _named(choice: MiddlewareChoice) -> Iterable[tuple[str, str]]:
    yield from ((f"leave_out/{index}", name) for index, name in enumerate(choice.leave_out))
    yield from ((f"order/{index}", name) for index, name in enumerate(choice.order))


def _rate_limit(at: str, limit: RateLimit, vocabulary: Vocabulary) -> Iterator[Problem]:
    kind = limit.node_type
    if kind is not None and kind not in vocabulary.node_types:
        sentence = f"`{kind}` is not a node type; known are {', '.join(vocabulary.node_types)}."
        yield Problem(pointer=f"{at}/node_type", code="unknown_node_type", message=sentence)
    elif limit.count == "tokens" and kind not in (None, "model"):
        sentence = f"Only model nodes use tokens, `{kind}` nodes do not; leave `node_type` out."
        yield Problem(pointer=f"{at}/node_type", code="no_tokens", message=sentence)
