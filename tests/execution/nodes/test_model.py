"""`model` nodes: which provider answers, what offline means, what an answer costs."""

from decimal import Decimal
from typing import Any

import pytest

from chassis.schemas import problems_of_value
from execution.nodes.action import NodeFailure
from execution.nodes.model import ModelAction
from execution.providers import Providers
from execution.providers.prices import BadPrices, Prices
from tests.support.node_calls import failure_of, node_call

BOTH = {"OPENAI_API_KEY": "a", "HEADRACE_ANTHROPIC_API_KEY": "b"}


def chosen(environment: dict[str, str], name: str | None, model: str | None = None) -> str:
    return Providers.from_environment(environment).choose(name, model)[0]


def offline(production: bool = False) -> ModelAction:
    return ModelAction(Providers({}, production=production), Prices())


class TestTheChoiceOfAProvider:
    @pytest.mark.parametrize(
        ("environment", "name", "model", "provider"),
        [
            ({}, None, None, "offline"),
            ({}, "openai", "gpt-4o", "offline"),
            (BOTH, "offline", None, "offline"),
            (BOTH, None, None, "openai"),
            (BOTH, None, "claude-sonnet-4", "anthropic"),
            (BOTH, "anthropic", None, "anthropic"),
            ({"HEADRACE_OPENAI_BASE_URL": "http://localhost:11434/v1"}, None, "llama3", "openai"),
            ({"HEADRACE_ANTHROPIC_BASE_URL": "http://localhost"}, None, None, "anthropic"),
            ({"HEADRACE_OPENAI_API_KEY": "", "HEADRACE_OPENAI_BASE_URL": ""}, None, None, "offline"),
        ],
    )
    def test_follows_the_node_then_the_model_then_the_deployment(
        self, environment: dict[str, str], name: str | None, model: str | None, provider: str
    ) -> None:
        assert chosen(environment, name, model) == provider

    def test_that_is_not_configured_says_what_to_set(self) -> None:
        with pytest.raises(NodeFailure) as failed:
            chosen({"OPENAI_API_KEY": "a"}, "anthropic")
        assert (failed.value.type, failed.value.code) == ("permanent", "provider_not_configured")
        assert failed.value.message == (
            "Provider 'anthropic' is not configured, openai is; set HEADRACE_ANTHROPIC_API_KEY."
        )


class TestTheOfflineProvider:
    async def test_says_plainly_what_it_is(self) -> None:
        result = await offline().run(node_call({"prompt": "What is the capital of Norway?"}))
        assert result.output["text"].startswith("[offline answer ")
        assert result.output["text"].endswith(
            "No model provider is configured; you asked: What is the capital of Norway?"
        )
        assert (result.cost, result.output["cost"]) == (Decimal(0), 0.0)

    async def test_answers_the_same_to_the_same_question_only(self) -> None:
        answers = [await offline().run(node_call({"prompt": text})) for text in ("a", "a", "b")]
        assert answers[0] == answers[1] != answers[2]

    async def test_counts_tokens_by_the_text_alone(self) -> None:
        result = await offline().run(node_call({"prompt": "12345678"}))
        assert result.prompt_tokens == 4  # "user: 12345678"
        assert result.output["usage"] == {"prompt_tokens": 4, "completion_tokens": result.completion_tokens}

    async def test_streams_word_by_word(self) -> None:
        heard: list[str] = []
        result = await offline().run(node_call({"prompt": "Hi"}, on_token=heard.append))
        assert len(heard) > 5
        assert "".join(heard) == result.output["text"]

    async def test_says_nothing_before_its_end_where_nobody_wants_a_stream(self) -> None:
        heard: list[str] = []
        result = await offline().run(node_call({"prompt": "Hi", "stream": False}, on_token=heard.append))
        assert heard == []
        assert result.output["text"].startswith("[offline answer ")

    @pytest.mark.parametrize(
        "schema",
        [
            {
                "type": "object",
                "properties": {"a": {"type": "integer", "minimum": 3}, "b": {"enum": ["x"]}},
                "required": ["a"],
            },
            {"type": "array", "items": {"type": "string", "minLength": 12}, "minItems": 2},
            {"properties": {"ok": {"type": ["boolean", "null"]}, "none": {"type": "null"}, "c": {"const": 1}}},
        ],
    )
    async def test_makes_up_data_that_satisfies_a_schema(self, schema: dict[str, Any]) -> None:
        output = (await offline().run(node_call({"prompt": "Hi", "response_schema": schema}))).output
        assert problems_of_value(schema, output["data"]) == ()

    async def test_is_refused_in_production(self) -> None:
        failed = await failure_of(offline(production=True), node_call({"prompt": "Hi"}))
        assert (failed.type, failed.code) == ("permanent", "no_model_provider")
        assert "HEADRACE_OPENAI_API_KEY" in failed.message


class TestAQuestion:
    async def test_takes_from_the_run_what_the_node_leaves_open(self) -> None:
        call = node_call({"prompt": "Hi"}, defaults={"provider": "offline", "model": "m", "temperature": 0.3})
        result = await ModelAction(Providers.from_environment(BOTH), Prices()).run(call)
        assert result.output["text"].startswith("[offline answer ")

    @pytest.mark.parametrize(
        ("config", "code"),
        [
            ({"messages": "hello"}, "bad_messages"),
            ({"messages": ["hello"]}, "bad_messages"),
            ({"messages": [{"role": "boss", "content": "hello"}]}, "bad_messages"),
            ({"messages": [{"role": "assistant", "tool_calls": [{"name": "x"}]}]}, "bad_messages"),
            ({"prompt": "Hi", "response_schema": {"type": "odd"}}, "bad_response_schema"),
        ],
    )
    async def test_that_makes_no_sense_once_rendered_fails_for_good(self, config: dict[str, Any], code: str) -> None:
        failed = await failure_of(offline(), node_call(config))
        assert (failed.type, failed.code) == ("permanent", code)

    async def test_that_names_no_model_says_where_to_name_one(self) -> None:
        action = ModelAction(Providers.from_environment(BOTH), Prices())
        failed = await failure_of(action, node_call({"prompt": "Hi"}))
        assert (failed.type, failed.code) == ("permanent", "no_model")
        assert "HEADRACE_OPENAI_MODEL" in failed.message


class TestPrices:
    @pytest.mark.parametrize(
        ("model", "cost"),
        [
            ("gpt-4o", "0.0125"),
            ("gpt-4o-mini-2024-07-18", "0.00075"),
            ("claude-sonnet-4-20250514", "0.018"),
            ("claude-sonnet-4-9", "0"),
            ("claude-haiku-4-5-latest", "0.006"),
            ("llama3", "0"),
        ],
    )
    def test_are_for_a_million_tokens_and_exact(self, model: str, cost: str) -> None:
        assert Prices().cost(model, 1_000, 1_000) == Decimal(cost)

    def test_are_replaced_and_added_by_the_deployment(self) -> None:
        prices = Prices.from_json(
            '{"gpt-4o": {"prompt": 1, "completion": 2}, "llama3": {"prompt": "0.1", "completion": 0}}'
        )
        assert prices.cost("gpt-4o", 1_000_000, 1_000_000) == 3
        assert prices.cost("llama3", 1_000_000, 5) == Decimal("0.1")
        assert prices.cost("gpt-4.1", 1_000_000, 0) == 2

    @pytest.mark.parametrize(
        "text", ["{", "[]", '{"m": 3}', '{"m": {"prompt": 1}}', '{"m": {"prompt": "x", "completion": 1}}']
    )
    def test_that_cannot_be_read_stop_the_process(self, text: str) -> None:
        with pytest.raises(BadPrices, match="HEADRACE_MODEL_PRICES must look like"):
            Prices.from_json(text)
