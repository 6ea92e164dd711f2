"""What vendors of OpenAI-compatible servers do differently, as a table: there is no branch for a vendor anywhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

_LENGTH = {"max_completion_tokens": "max_tokens"}
_ROLES = {"developer": "system"}


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a server departs from OpenAI's chat completions.

    `renamed` fields of the request have another name there, `dropped` ones are refused there and left out, `roles` of
    messages have another name. `schemas` False: it takes `json_object` but no `json_schema`, so the schema goes into
    the instructions. `tells_usage` False: it does not know `stream_options`. `usage_in_choice`: a stream's usage stands
    in its last choice. `indexes` False: tool calls come without an index in streams. `hosts` are where it is found.
    """

    hosts: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    roles: Mapping[str, str] = field(default_factory=dict)
    schemas: bool = True
    tells_usage: bool = True
    usage_in_choice: bool = False
    indexes: bool = True

    @property
    def changes_request(self) -> bool:
        """Whether a request may have to be changed."""
        return bool(self.renamed or self.dropped or self.roles or not self.schemas)

    @property
    def changes_stream(self) -> bool:
        """Whether a stream's chunks may have to be changed."""
        return self.usage_in_choice or not self.indexes


PLAIN = Quirks()

# Sources: the vendors' API references, in the order of the rows: platform.openai.com/docs, api-docs.deepseek.com,
# help.aliyun.com/zh/model-studio, platform.moonshot.cn/docs, docs.bigmodel.cn, docs.vllm.ai, docs.sglang.ai,
# docs.ollama.com, github.com/ggml-org/llama.cpp/tree/master/tools/server, docs.anthropic.com (OpenAI SDK compatibility),
# ai.google.dev/gemini-api/docs/openai.
VENDORS: Mapping[str, Quirks] = {
    "openai": Quirks(hosts=("api.openai.com",), renamed={"max_tokens": "max_completion_tokens"}),
    "deepseek": Quirks(
        hosts=("api.deepseek.com",),
        renamed=_LENGTH,
        roles=_ROLES,
        schemas=False,
        dropped=frozenset({"logit_bias", "parallel_tool_calls"}),
    ),
    "qwen": Quirks(
        hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"),
        renamed=_LENGTH,
        roles=_ROLES,
        dropped=frozenset({"logit_bias"}),
    ),
    "kimi": Quirks(
        hosts=("api.moonshot.cn", "api.moonshot.ai"), renamed=_LENGTH, roles=_ROLES, usage_in_choice=True
    ),
    "glm": Quirks(
        hosts=("open.bigmodel.cn", "api.z.ai"),
        renamed=_LENGTH,
        roles=_ROLES,
        schemas=False,
        dropped=frozenset({"logit_bias", "parallel_tool_calls"}),
    ),
    "vllm": Quirks(roles=_ROLES),
    "sglang": Quirks(roles=_ROLES),
    "ollama": Quirks(renamed=_LENGTH, roles=_ROLES, indexes=False, dropped=frozenset({"logit_bias", "user"})),
    "llama.cpp": Quirks(renamed=_LENGTH, roles=_ROLES),
    "anthropic": Quirks(
        hosts=("api.anthropic.com",),
        renamed=_LENGTH,
        roles=_ROLES,
        schemas=False,
        dropped=frozenset({"logit_bias", "seed", "presence_penalty", "frequency_penalty"}),
    ),
    "gemini": Quirks(
        hosts=("generativelanguage.googleapis.com",),
        renamed=_LENGTH,
        roles=_ROLES,
        indexes=False,
        dropped=frozenset({"logit_bias", "parallel_tool_calls"}),
    ),
}


def of_vendor(vendor: str, host: str) -> Quirks:
    """The quirks of a vendor by its name, or else by the host that is asked. Raises KeyError for an unknown name."""
    if vendor:
        return VENDORS[vendor]
    return next((quirks for quirks in VENDORS.values() if host in quirks.hosts), PLAIN)


def adapted(quirks: Quirks, fields: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """A request's fields as the server wants them. A field that stands there under its right name already wins."""
    given = {name: value for name, value in fields.items() if name not in quirks.dropped}
    for old, new in quirks.renamed.items():
        if old in given:
            given.setdefault(new, given[old])
            del given[old]
    messages = bytes(given.get("messages", b""))
    if any(f'"{role}"'.encode() in messages for role in quirks.roles):
        given["messages"] = _roles(messages, quirks.roles)
    if not quirks.schemas and "response_format" in given:
        given |= _without_schema(given)
    return given


class Mender:
    """One stream's chunks, as OpenAI writes them: every tool call with an index of its own, the usage beside the choices."""

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._calls: dict[int, int] = {}

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        """The chunk, mended if need be. Raises msgspec.DecodeError."""
        if b'"usage"' not in chunk and b'"tool_calls"' not in chunk:
            yield chunk
            return
        value = msgspec.json.decode(chunk)
        choices = value.get("choices") if isinstance(value, dict) else None
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict):
                continue
            told = choice.pop("usage", None) if self._quirks.usage_in_choice else None
            if told and not value.get("usage"):
                value["usage"] = told
            if not self._quirks.indexes:
                self._number(choice)
        yield msgspec.json.encode(value)

    def _number(self, choice: dict[str, Any]) -> None:
        """A call with a function's name is a new one, and one without goes on with the last."""
        delta, at = choice.get("delta"), int(choice.get("index") or 0)
        calls = delta.get("tool_calls") if isinstance(delta, dict) else None
        for call in calls if isinstance(calls, list) else ():
            if not isinstance(call, dict):
                continue
            function = call.get("function")
            begins = isinstance(function, dict) and bool(function.get("name"))
            self._calls[at] = self._calls.get(at, -1) + begins
            call["index"] = max(self._calls[at], 0)


def _roles(messages: bytes, roles: Mapping[str, str]) -> msgspec.Raw:
    changed = msgspec.json.decode(messages)
    for message in changed if isinstance(changed, list) else ():
        if isinstance(message, dict) and message.get("role") in roles:
            message["role"] = roles[message["role"]]
    return msgspec.Raw(msgspec.json.encode(changed))


def _without_schema(fields: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    shape = msgspec.json.decode(fields["response_format"])
    if not isinstance(shape, dict) or shape.get("type") != "json_schema":
        return {}
    described = shape.get("json_schema")
    schema = described.get("schema", {}) if isinstance(described, dict) else {}
    wish = f"Answer with JSON of this schema and nothing else: {msgspec.json.encode(schema).decode()}"
    told = [{"role": "system", "content": wish}, *msgspec.json.decode(fields["messages"])]
    return {
        "response_format": msgspec.Raw(b'{"type":"json_object"}'),
        "messages": msgspec.Raw(msgspec.json.encode(told)),
    }
