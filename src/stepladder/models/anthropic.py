"""`kind = "anthropic"`: Anthropic's Messages API, asked natively. To everyone else it is one more chat model.

After docs.anthropic.com/en/api/messages. Fields of Anthropic's own (`thinking`, `top_k`) pass through under their names.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any

import msgspec

from stepladder.core import BadRequest, ChatCall, Piece
from stepladder.models.anthropic_answer import MessageReader, completion_of
from stepladder.models.chat import ChatModel
from stepladder.models.chat_settings import attempts_of, read_settings
from stepladder.models.chat_stream import Mend
from stepladder.models.content import Picture, arguments_of, merged, schema_wish, text_parts

BASE_URL = "https://api.anthropic.com/v1"
_VERSION = {"anthropic-version": "2023-06-01"}
_MAX_TOKENS = 4096
"""Of an answer whose caller names no bound: Anthropic wants one."""
_SAME = ("top_p", "top_k", "stream", "thinking", "service_tier")
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


class AnthropicModel(ChatModel):
    """A model behind Anthropic's own API: chats are put in its words, and its answers in OpenAI's."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "AnthropicModel":
        """Check the settings and resolve the key; nothing is connected yet. Raises ConfigError."""
        chosen = read_settings(name, settings, BASE_URL)
        return cls(name, chosen, attempts_of(name, chosen, "x-api-key", _VERSION))

    def forward(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """It has chats only. Raises BadRequest."""
        raise BadRequest(f"{self.name!r} has no {call.route}.", param="model", remedy="Ask another model.")

    def _path(self, call: ChatCall, model: str) -> str:
        return "messages"

    def _body(self, call: ChatCall, model: str) -> bytes:
        asked = {key: msgspec.json.decode(value) for key, value in call.body.items()}
        return msgspec.json.encode({**request_of(asked), "model": model})

    def _completion(self, call: ChatCall, data: bytes) -> bytes:
        return completion_of(data)

    def _mend(self, call: ChatCall) -> Mend | None:
        return MessageReader()


def request_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion's request as Anthropic's. Raises BadRequest for what it cannot do."""
    if (asked.get("n") or 1) != 1:
        raise BadRequest("n must be 1 for this model.", param="n", remedy="Ask several times.")
    wish = schema_wish(asked.get("response_format"))
    system = [wish] if wish else []
    said: list[dict[str, Any]] = []
    for message in asked.get("messages") or ():
        if message.get("role") in ("system", "developer"):
            system += [part["text"] for part in text_parts(message.get("content"))]
        else:
            said.append(_message(message))
    body = {key: asked[key] for key in _SAME if asked.get(key) is not None}
    body["max_tokens"] = asked.get("max_completion_tokens") or asked.get("max_tokens") or _MAX_TOKENS
    body["messages"] = merged(said, "content")
    if system:
        body["system"] = "\n\n".join(system)
    if asked.get("temperature") is not None:
        body["temperature"] = min(asked["temperature"], 1.0)
    stop = asked.get("stop")
    if stop:
        body["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if asked.get("user"):
        body["metadata"] = {"user_id": asked["user"]}
    return body | _tools(asked)


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    if message.get("role") == "tool":
        content = list(_blocks(message.get("content")))
        result = {"type": "tool_result", "tool_use_id": message.get("tool_call_id", ""), "content": content}
        return {"role": "user", "content": [result]}
    content = list(_blocks(message.get("content")))
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        use = {"type": "tool_use", "id": call.get("id", ""), "name": function.get("name", "")}
        content.append({**use, "input": arguments_of(function.get("arguments"))})
    return {"role": "assistant" if message.get("role") == "assistant" else "user", "content": content}


def _blocks(content: Any) -> Iterable[dict[str, Any]]:
    for part in text_parts(content):
        picture = Picture.of(part)
        if picture is not None:
            source: dict[str, Any] = {"type": "url", "url": picture.url}
            if picture.data:
                source = {"type": "base64", "media_type": picture.kind, "data": picture.data}
            pdf = picture.kind == "application/pdf"
            yield {"type": "document" if pdf else "image", "source": source}
        elif part["text"]:  # which Anthropic refuses when it is empty
            yield {"type": "text", "text": part["text"]}


def _tools(asked: Mapping[str, Any]) -> dict[str, Any]:
    functions = [tool.get("function") or {} for tool in asked.get("tools") or ()]
    if not functions:
        return {}
    tools = []
    for function in functions:
        described = {"description": function["description"]} if function.get("description") else {}
        schema = function.get("parameters") or {"type": "object"}
        tools.append({"name": function.get("name", ""), **described, "input_schema": schema})
    wish, choice = asked.get("tool_choice") or "auto", {}
    if isinstance(wish, dict):
        choice = {"type": "tool", "name": (wish.get("function") or {}).get("name", "")}
    else:
        choice = {"type": _CHOICES.get(wish, "auto")}
    if asked.get("parallel_tool_calls") is False and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return {"tools": tools, "tool_choice": choice}
