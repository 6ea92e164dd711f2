"""`kind = "gemini"`: Google's Gemini API, asked natively. To everyone else it is one more chat model.

After ai.google.dev/api/generate-content. A thought's signature, which Gemini wants back with a tool call, travels in the call's
`extra_content.google.thought_signature`, as in Google's own OpenAI-compatible endpoint.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any

import msgspec

from stepladder.core import BadRequest, ChatCall, Piece
from stepladder.models.chat import ChatModel
from stepladder.models.chat_settings import attempts_of, read_settings
from stepladder.models.chat_stream import Mend
from stepladder.models.content import Picture, arguments_of, merged, text_parts
from stepladder.models.gemini_answer import CandidateReader, completion_of

BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
_GENERATION = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
}
_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}


class GeminiModel(ChatModel):
    """A model behind Google's own API: chats are put in its words, and its answers in OpenAI's."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "GeminiModel":
        """Check the settings and resolve the key; nothing is connected yet. Raises ConfigError."""
        chosen = read_settings(name, settings, BASE_URL)
        return cls(name, chosen, attempts_of(name, chosen, "x-goog-api-key"))

    def forward(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """It has chats only. Raises BadRequest."""
        raise BadRequest(f"{self.name!r} has no {call.route}.", param="model", remedy="Ask another model.")

    def _path(self, call: ChatCall, model: str) -> str:
        return f"models/{model}:" + ("streamGenerateContent?alt=sse" if call.stream else "generateContent")

    def _body(self, call: ChatCall, model: str) -> bytes:
        return msgspec.json.encode(
            request_of({key: msgspec.json.decode(value) for key, value in call.body.items()})
        )

    def _completion(self, call: ChatCall, data: bytes) -> bytes:
        return completion_of(data, call.id)

    def _mend(self, call: ChatCall) -> Mend | None:
        return CandidateReader(call.id)


def request_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A chat completion's request as Gemini's. Raises BadRequest for a part that it does not take."""
    names: dict[str, str] = {}
    system: list[dict[str, Any]] = []
    contents: list[dict[str, Any]] = []
    for message in asked.get("messages") or ():
        if message.get("role") in ("system", "developer"):
            system += [{"text": part["text"]} for part in text_parts(message.get("content"))]
        else:
            contents.append(_content(message, names))
    body: dict[str, Any] = {"contents": merged(contents, "parts")}
    if system:
        body["systemInstruction"] = {"parts": system}
    generation = _generation(asked)
    if generation:
        body["generationConfig"] = generation
    return body | _tools(asked)


def _generation(asked: Mapping[str, Any]) -> dict[str, Any]:
    wished = {new: asked[old] for old, new in _GENERATION.items() if asked.get(old) is not None}
    stop = asked.get("stop")
    if stop:
        wished["stopSequences"] = [stop] if isinstance(stop, str) else stop
    if asked.get("logprobs"):
        wished |= {"responseLogprobs": True, "logprobs": asked.get("top_logprobs") or 0}
    shape = asked.get("response_format") or {}
    if shape.get("type") in ("json_object", "json_schema"):
        wished["responseMimeType"] = "application/json"
    schema = (shape.get("json_schema") or {}).get("schema")
    return wished | ({"responseJsonSchema": schema} if schema else {})


def _content(message: Mapping[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """`names` are those of the functions that were called, by the call's id: a result must name its function."""
    if message.get("role") == "tool":
        id = message.get("tool_call_id", "")
        text = "".join(part.get("text", "") for part in text_parts(message.get("content")))
        result = {"name": names.get(id, id), "response": {"result": text}}
        return {"role": "user", "parts": [{"functionResponse": result}]}
    parts = list(_parts(message.get("content")))
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        names[call.get("id", "")] = function.get("name", "")
        called = {"name": function.get("name", ""), "args": arguments_of(function.get("arguments"))}
        signature = ((call.get("extra_content") or {}).get("google") or {}).get("thought_signature")
        parts.append({"functionCall": called} | ({"thoughtSignature": signature} if signature else {}))
    return {"role": "model" if message.get("role") == "assistant" else "user", "parts": parts}


def _parts(content: Any) -> Iterable[dict[str, Any]]:
    for part in text_parts(content):
        picture = Picture.of(part)
        if picture is None:
            yield {"text": part["text"]}
        elif picture.data:
            yield {"inlineData": {"mimeType": picture.kind, "data": picture.data}}
        else:
            yield {"fileData": {"mimeType": picture.kind, "fileUri": picture.url}}


def _tools(asked: Mapping[str, Any]) -> dict[str, Any]:
    functions = [tool.get("function") or {} for tool in asked.get("tools") or ()]
    if not functions:
        return {}
    declared = []
    for function in functions:
        one = {"name": function.get("name", ""), "description": function.get("description") or ""}
        if function.get("parameters"):
            one["parametersJsonSchema"] = function["parameters"]
        declared.append(one)
    wish = asked.get("tool_choice") or "auto"
    calling: dict[str, Any]
    if isinstance(wish, dict):
        name = (wish.get("function") or {}).get("name", "")
        calling = {"mode": "ANY", "allowedFunctionNames": [name]}
    else:
        calling = {"mode": _MODES.get(wish, "AUTO")}
    return {"tools": [{"functionDeclarations": declared}], "toolConfig": {"functionCallingConfig": calling}}
