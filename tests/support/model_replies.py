"""What model providers put on the wire: server-sent events of both protocols, piece by piece, or whole answers."""

import json
from typing import Any

from tests.support.web_server import Reply


def openai_stream(*deltas: dict[str, Any], finish: str | None = "stop", usage: tuple[int, int] = (9, 4)) -> Reply:
    """Chat completion chunks with these deltas, then the reason it ended (unless None) and the usage."""
    choices: list[list[dict[str, Any]]] = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    if finish:
        choices.append([{"index": 0, "delta": {}, "finish_reason": finish}])
    head: dict[str, Any] = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    events: list[dict[str, Any]] = [{**head, "choices": choice} for choice in choices]
    total = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    events.append({**head, "choices": [], "usage": total})
    return Reply.of_events(*(f"data: {json.dumps(event)}" for event in events), "data: [DONE]")


def openai_call(index: int, arguments: str, id: str | None = None, name: str | None = None) -> dict[str, Any]:
    """A delta with a piece of a tool call."""
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"tool_calls": [{"index": index, "function": function} | ({"id": id, "type": "function"} if id else {})]}


def anthropic_stream(*blocks: dict[str, Any], stop: str | None = "end_turn", usage: tuple[int, int] = (9, 4)) -> Reply:
    """A message with these content blocks (each `{block, deltas}`), then the reason it ended (unless None)."""
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": usage[0], "output_tokens": 1},
    }
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}, {"type": "ping"}]
    for index, block in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block["block"]})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in block["deltas"]]
        events.append({"type": "content_block_stop", "index": index})
    if stop:
        ended = {"stop_reason": stop, "stop_sequence": None}
        events.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": usage[1]}})
        events.append({"type": "message_stop"})
    return Reply.of_events(*(f"event: {event['type']}\ndata: {json.dumps(event)}" for event in events))


def text_block(*pieces: str) -> dict[str, Any]:
    """A block of text in pieces."""
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return {"block": {"type": "text", "text": ""}, "deltas": deltas}


def tool_block(id: str, name: str, *pieces: str) -> dict[str, Any]:
    """A tool call whose input comes in pieces of JSON."""
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return {"block": {"type": "tool_use", "id": id, "name": name, "input": {}}, "deltas": deltas}


def openai_whole(message: dict[str, Any], finish: str | None = "stop", usage: tuple[int, int] = (9, 4)) -> Reply:
    """A chat completion in one piece."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    total = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return Reply.of_json({"id": "chat-1", "object": "chat.completion", "choices": [choice], "usage": total})


def anthropic_whole(*content: dict[str, Any], stop: str | None = "end_turn", usage: tuple[int, int] = (9, 4)) -> Reply:
    """A message in one piece."""
    counted = {"input_tokens": usage[0] - 1, "cache_read_input_tokens": 1, "output_tokens": usage[1]}
    return Reply.of_json({"id": "msg_1", "type": "message", "content": content, "stop_reason": stop, "usage": counted})
