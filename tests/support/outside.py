"""What lies outside the house, for as long as a session of tests: a model provider and a collector of traces."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.web_server import Reply, WebServer, web_server

WORDS = ("The ", "water ", "turns ", "the ", "wheel.")
PROMPT_TOKENS, COMPLETION_TOKENS = 1_234, 5
PROTOBUF = "application/x-protobuf"


@contextmanager
def serving(*replies: Reply) -> Iterator[WebServer]:
    """A server that answers beside the tests, whichever event loop they run."""
    running: list[tuple[WebServer, asyncio.AbstractEventLoop, asyncio.Event]] = []
    begun = threading.Event()

    async def serve() -> None:
        async with web_server(*replies) as server:
            stop = asyncio.Event()
            running.append((server, asyncio.get_running_loop(), stop))
            begun.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    begun.wait()
    server, loop, stop = running[0]
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def spoken(words: Sequence[str] = WORDS) -> Reply:
    """A streamed chat completion as OpenAI's protocol has it: a chunk a word, then why it ended, then the usage."""
    deltas = [{"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None} for word in words]
    choices = [[delta] for delta in deltas] + [[{"index": 0, "delta": {}, "finish_reason": "stop"}]]
    usage = {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": COMPLETION_TOKENS,
        "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
    }
    chunks = [{"choices": choice, "usage": None} for choice in choices] + [{"choices": [], "usage": usage}]
    common = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "told"}
    return Reply.of_events(*(f"data: {json.dumps(common | chunk)}" for chunk in chunks), "data: [DONE]")


class Collector:
    """Where traces are sent over OTLP/HTTP."""

    def __init__(self, server: WebServer) -> None:
        """`server` takes whatever comes."""
        self.server = server

    def spans(self, trace_id: str) -> list[tuple[str, str]]:
        """(service, span name) of every span of a trace that has arrived."""
        return [
            (service, span.name)
            for service, found in self._exported()
            for span in found
            if span.trace_id.hex() == trace_id
        ]

    def traces(self) -> set[str]:
        """The ids of all traces of which anything has arrived."""
        return {span.trace_id.hex() for _, found in self._exported() for span in found}

    def _exported(self) -> Iterator[tuple[str, Sequence[Span]]]:
        for asked in tuple(self.server.asked):
            for resource in ExportTraceServiceRequest.FromString(asked.body).resource_spans:
                names = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
                for scope in resource.scope_spans:
                    yield names["service.name"], scope.spans


class Outside:
    """Both, and the environment that leads a stack to them."""

    def __init__(self, provider: WebServer, collector: WebServer) -> None:
        """Two servers that run."""
        self.provider = provider
        self.collector = Collector(collector)
        self.environment = {
            "HEADRACE_OPENAI_BASE_URL": f"{provider.url}/v1",
            "HEADRACE_OPENAI_API_KEY": "a-key",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_TRACES_SAMPLER": "parentbased_always_off",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }


@contextmanager
def the_outside() -> Iterator[Outside]:
    """Both servers, until the block ends."""
    with ExitStack() as stack:
        provider = stack.enter_context(serving(spoken()))
        collector = stack.enter_context(serving(Reply(200, {"content-type": PROTOBUF})))
        yield Outside(provider, collector)
