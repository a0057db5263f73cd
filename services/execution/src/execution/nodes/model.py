"""`model` nodes: ask a language model, stream its words, record what it took."""

import os
import re
from decimal import Decimal
from typing import Any

import orjson

from chassis.schemas import check_schema, problems_of_value
from execution.nodes.action import NodeCall, NodeFailure, NodeResult, unless_cancelled
from execution.providers import OFFLINE, Providers
from execution.providers.conversation import Answer, Question, turns_of
from execution.providers.prices import PRICES_VARIABLE, Prices

DEFAULT_TIMEOUT_SECONDS = 600.0
"""For a node without `timeout_seconds`: how long each wait for the provider may take."""

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)


class ModelAction:
    """Asks the provider that the node, the run or the deployment names."""

    def __init__(self, providers: Providers, prices: Prices | None = None) -> None:
        """Without `prices`, the known ones and those of the environment."""
        self.providers = providers
        self.prices = prices or Prices.from_json(os.environ.get(PRICES_VARIABLE))

    async def run(self, call: NodeCall) -> NodeResult:
        """Ask; the output is `{text, data?, tool_calls, finish_reason, usage, cost}`."""
        name, provider = self.providers.choose(_setting(call, "provider"), _setting(call, "model"))
        question = _question(call, _setting(call, "model") or provider.default_model, name)
        on_text = call.on_token or _nobody_listens
        answer = await unless_cancelled(call.cancellation, provider.ask(question, on_text))
        model = OFFLINE if name == OFFLINE else question.model
        cost = self.prices.cost(model, answer.prompt_tokens, answer.completion_tokens)
        return NodeResult(
            output=_output(answer, question, cost),
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            cost=cost,
        )

    async def close(self) -> None:
        """Let go of the providers' connections."""
        await self.providers.close()


def _setting(call: NodeCall, name: str) -> Any:
    """What the node says, else what the run says."""
    own = call.config.get(name)
    return call.defaults.get(name) if own is None else own


def _question(call: NodeCall, model: str | None, provider: str) -> Question:
    if model is None:
        sentence = f"Name a `model` in the node, in the run's config or in HEADRACE_{provider.upper()}_MODEL."
        raise NodeFailure("permanent", "no_model", sentence)
    schema = call.config.get("response_schema")
    if schema is not None and (not isinstance(schema, dict) or check_schema(schema)):
        raise NodeFailure("permanent", "bad_response_schema", "`response_schema` is not a JSON Schema.")
    headers = {"Idempotency-Key": call.idempotency_key}
    if call.traceparent:
        headers["traceparent"] = call.traceparent
    return Question(
        model=model,
        turns=turns_of(call.config),
        temperature=_setting(call, "temperature"),
        max_tokens=call.config.get("max_tokens"),
        response_schema=schema,
        tools=tuple(call.config.get("tools") or ()),
        headers=headers,
        timeout_seconds=call.timeout_seconds or DEFAULT_TIMEOUT_SECONDS,
        stream=call.config.get("stream") is not False,
        heartbeat=call.heartbeat,
    )


def _output(answer: Answer, question: Question, cost: Decimal) -> dict[str, Any]:
    output: dict[str, Any] = {"text": answer.text}
    if question.response_schema is not None and not answer.tool_calls:
        output["data"] = _data(answer, question.response_schema)
    return {
        **output,
        "tool_calls": [call.as_json() for call in answer.tool_calls],
        "finish_reason": answer.finish_reason,
        "usage": {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens},
        "cost": float(cost),
    }


def _data(answer: Answer, schema: dict[str, Any]) -> Any:
    """The answer's JSON, if it satisfies the schema; a model may do better when it is asked again."""
    fenced = _FENCED.fullmatch(answer.text)
    try:
        data = orjson.loads(fenced[1] if fenced else answer.text)
    except ValueError:
        raise NodeFailure("transient", "answer_not_json", f"The answer is not JSON: {answer.text[:200]!r}.") from None
    problems = problems_of_value(schema, data)
    if problems:
        told = "; ".join(f"{problem.pointer or '/'}: {problem.message}" for problem in problems[:5])
        raise NodeFailure("transient", "answer_breaks_schema", f"The answer does not satisfy `response_schema`: {told}")
    return data


def _nobody_listens(_: str) -> None:
    """Take streamed text that nobody waits for."""
