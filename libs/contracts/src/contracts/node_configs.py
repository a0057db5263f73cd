"""What each node type may be configured with; every value but a policy may also be a template.

The models judge a configuration, they do not carry it: the engine renders and reads the JSON as it was written,
so a field typed `float` here may hold the string `${ input.seconds }`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    Strict,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from contracts.expression_text import TEMPLATE_OPENS
from contracts.message import JsonObject, StrictMessage
from contracts.workflow import (
    MAX_EDGES,
    MAX_NODES,
    MAX_TIMEOUT_SECONDS,
    MAX_VALUE_BYTES,
    CachePolicy,
    Concurrency,
    Join,
    RateLimit,
    RetryPolicy,
)

MAX_NAME_LENGTH = 128
MAX_URL_LENGTH = 8_192
MAX_REDIRECTS = 10
MAX_OUTPUT_TOKENS = 1_000_000
MAX_MESSAGES = 10_000
MAX_MODEL_TOOLS = 128

LIMITS: Mapping[str, int] = MappingProxyType(
    {"nodes": MAX_NODES, "edges": MAX_EDGES, "value_bytes": MAX_VALUE_BYTES, "name_length": MAX_NAME_LENGTH}
)
"""What a graph may hold at most; `value_bytes` is the size of one node's configuration as JSON."""


def _trust_a_template(value: Any, judge: ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, str) and TEMPLATE_OPENS in value else judge(value)


def _named_join(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


def _on_an_edge(value: Any) -> Any:
    if value is not None:
        raise PydanticCustomError(
            "on_an_edge", "`on_error` belongs to an edge: draw one from this node to the handler and set it there."
        )
    return value


def _one_or_several(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _web_address(value: str) -> str:
    if not value.lower().startswith(("http://", "https://")):
        raise PydanticCustomError("bad_format", "Must begin with http:// or https://, or be a template.")
    return value


T = TypeVar("T")
Templated = Annotated[T, WrapValidator(_trust_a_template)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
Integer = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Status = Annotated[int, Strict(), Field(ge=100, le=599)]


class NodeConfig(StrictMessage):
    """The policies that every node type takes; they steer the engine and are never templates."""

    retry: RetryPolicy | None = None
    timeout_seconds: Annotated[Number, Field(gt=0, le=MAX_TIMEOUT_SECONDS)] | None = None
    """Of one attempt; of a wait, a loop, a map, a region or a child from its beginning to its end."""
    heartbeat_seconds: Annotated[Number, Field(gt=0, le=MAX_TIMEOUT_SECONDS)] | None = None
    """An attempt that gives no sign of life for so long has timed out."""
    cache: CachePolicy | Literal[False] | None = None
    rate_limit: RateLimit | None = None
    concurrency: Concurrency | None = None
    join: Annotated[Join, BeforeValidator(_named_join)] = Join()
    split: Literal["parallel", "inclusive", "exclusive"] | None = None
    """`parallel` takes every edge, `inclusive` every true one, `exclusive` the first true one; the last two take the
    edge without a condition when no other is true. None: every edge that is unconditional or true."""
    compensate: str | None = None
    """The node that undoes this one when the instance fails or is cancelled later."""
    fallback: Any = None
    """A template: the output when the node has failed for good."""
    state_schema: JsonObject | None = None
    """JSON Schema for `{input, nodes, vars}` before the node begins."""
    output_schema: JsonObject | None = None
    """JSON Schema for what the node answers."""
    on_error: Annotated[Any, BeforeValidator(_on_an_edge)] = None

    @model_validator(mode="after")
    def _counts_its_join(self) -> Self:
        if (self.join.kind == "n_of_m") != (self.join.n is not None):
            raise PydanticCustomError("join_count", 'A join "n_of_m" needs `n`; the other kinds take none.')
        return self


class StartConfig(NodeConfig):
    """Where every run begins; its output is the run's input."""


class EndConfig(NodeConfig):
    """Where a path ends; `output` makes the run's output."""

    output: Any = None
    terminate: Annotated[bool, Strict()] = False
    """End the run (in a body: the body) at once, whatever else is on its way."""


class ConditionConfig(NodeConfig):
    """Only routes: the first outgoing edge whose condition is true, else the edge without one."""


class VariableConfig(NodeConfig):
    """Changes `vars.NAME`: set and append need a value, increment and decrement take 1 without one."""

    operation: Templated[Literal["set", "append", "increment", "decrement", "delete"]]
    name: Name
    value: Any = None

    @model_validator(mode="after")
    def _has_what_it_stores(self) -> Self:
        if self.operation in ("set", "append") and "value" not in self.model_fields_set:
            raise PydanticCustomError("missing_value", "`value` is required to set or append (null is a value).")
        return self

    @model_validator(mode="after")
    def _counts_by_numbers(self) -> Self:
        counts = self.operation in ("increment", "decrement")
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        templated = isinstance(self.value, str) and TEMPLATE_OPENS in self.value
        if counts and self.value is not None and not number and not templated:
            raise PydanticCustomError("wrong_type", "`value` must be a number to increment or decrement by.")
        return self


class TransformConfig(NodeConfig):
    """Makes a value: `output` is a template, its value the node's output."""

    output: Any


class ToolConfig(NodeConfig):
    """Calls a registered Python function."""

    name: Name
    arguments: Templated[JsonObject] = Field(default_factory=dict)


class HttpConfig(NodeConfig):
    """Calls a URL; any status outside `expect_status` (200 to 299 unless told) is a failure.

    It reaches public addresses and those that the deployment allows; a redirection is a failure unless
    `follow_redirects` says how many are followed.
    """

    method: Templated[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]] = "GET"
    url: Templated[Annotated[str, Field(max_length=MAX_URL_LENGTH), AfterValidator(_web_address)]]
    headers: Templated[dict[str, str]] = Field(default_factory=dict)
    body: Any = None
    expect_status: Templated[Annotated[list[Templated[Status]], BeforeValidator(_one_or_several)]] | None = None
    follow_redirects: Annotated[int, Strict(), Field(ge=0, le=MAX_REDIRECTS)] = 0


class ModelMessage(StrictMessage):
    """One turn of a conversation, in the words the providers share."""

    role: Templated[Literal["system", "user", "assistant", "tool"]]
    content: Any = None
    tool_calls: Templated[list[JsonObject]] | None = None
    tool_call_id: str | None = None


class ModelTool(StrictMessage):
    """A function the model may ask for; `parameters` is a JSON Schema."""

    name: Name
    description: str | None = None
    parameters: Templated[JsonObject] = Field(default_factory=dict)


class ModelConfig(NodeConfig):
    """Asks a language model: one `prompt`, or a conversation in `messages`."""

    provider: Templated[Literal["openai", "anthropic", "offline"]] | None = None
    model: Name | None = None
    system: str | None = None
    prompt: str | None = None
    messages: (
        Templated[Annotated[list[Templated[ModelMessage]], Field(min_length=1, max_length=MAX_MESSAGES)]] | None
    ) = None
    temperature: Templated[Annotated[Number, Field(ge=0, le=2)]] | None = None
    max_tokens: Templated[Annotated[Integer, Field(ge=1, le=MAX_OUTPUT_TOKENS)]] | None = None
    response_schema: Templated[JsonObject] | None = None
    tools: Templated[Annotated[list[Templated[ModelTool]], Field(max_length=MAX_MODEL_TOOLS)]] | None = None
    stream: Templated[Annotated[bool, Strict()]] = True
    """False asks for the whole answer at once: cheaper where nobody reads along."""

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.prompt is None) == (self.messages is None):
            raise PydanticCustomError("prompt_or_messages", "Give either `prompt` or `messages`.")
        return self
