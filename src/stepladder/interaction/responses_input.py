"""What a Responses request says and wishes, in the words of chat completions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stepladder.core import BadRequest

_SAME = (
    "temperature",
    "top_p",
    "parallel_tool_calls",
    "user",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "presence_penalty",
    "frequency_penalty",
    "stream",
    "stepladder",
)
_ROLES = ("user", "assistant", "system", "developer")
_TEXTS = ("input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text")


def messages_of(given: str | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`input` as messages: a text, or items. Raises BadRequest naming the item."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}] if given else []
    said: list[dict[str, Any]] = []
    for at, item in enumerate(given):
        kind, where = item.get("type", "message"), f"input[{at}]"
        put = _ITEMS.get(kind)
        if put is None:
            raise BadRequest(
                f"{where} is of type {kind!r}, which is not supported.",
                param=f"{where}.type",
                remedy=f"Send {', '.join(_ITEMS)}.",
            )
        put(said, item, where)
    return said


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but the input, as far as chat completions have it. Raises BadRequest for a tool that they have not."""
    wished = {key: given[key] for key in _SAME if given.get(key) is not None}
    if given.get("max_output_tokens") is not None:
        wished["max_tokens"] = given["max_output_tokens"]
    if given.get("top_logprobs"):
        wished |= {"logprobs": True, "top_logprobs": given["top_logprobs"]}
    if given.get("stream"):
        wished["stream_options"] = {"include_usage": True}
    effort = (given.get("reasoning") or {}).get("effort")
    if effort is not None:
        wished["reasoning_effort"] = effort
    if given.get("tools"):
        wished["tools"] = [_tool(tool, f"tools[{at}]") for at, tool in enumerate(given["tools"])]
        wished |= _tool_choice(given.get("tool_choice"))
    shape = _shape((given.get("text") or {}).get("format") or {})
    return wished | ({"response_format": shape} if shape else {})


def _put_message(said: list[dict[str, Any]], item: Mapping[str, Any], where: str) -> None:
    role = item.get("role")
    if role not in _ROLES:
        raise BadRequest(
            f"{where}.role is {role!r}.", param=f"{where}.role", remedy=f"Write {', '.join(_ROLES)}."
        )
    content = item.get("content")
    if not isinstance(content, str):
        parts = [_part(part, f"{where}.content[{n}]") for n, part in enumerate(content or ())]
        texts = all(part["type"] == "text" for part in parts)
        content = "\n".join(part["text"] for part in parts) if texts else parts
    said.append({"role": role, "content": content})


def _put_call(said: list[dict[str, Any]], item: Mapping[str, Any], where: str) -> None:
    function = {"name": item.get("name", ""), "arguments": item.get("arguments", "")}
    call = {"id": item.get("call_id", ""), "type": "function", "function": function}
    if said and said[-1]["role"] == "assistant":
        said[-1].setdefault("tool_calls", []).append(call)
    else:
        said.append({"role": "assistant", "content": None, "tool_calls": [call]})


def _put_result(said: list[dict[str, Any]], item: Mapping[str, Any], where: str) -> None:
    output = item.get("output", "")
    if not isinstance(output, str):
        output = "\n".join(part["text"] for part in output if isinstance(part, dict) and "text" in part)
    said.append({"role": "tool", "tool_call_id": item.get("call_id", ""), "content": output})


def _put_nothing(said: list[dict[str, Any]], item: Mapping[str, Any], where: str) -> None:
    """Reasoning is the model's own business."""


_ITEMS: Mapping[str, Callable[[list[dict[str, Any]], Mapping[str, Any], str], None]] = {
    "message": _put_message,
    "function_call": _put_call,
    "function_call_output": _put_result,
    "reasoning": _put_nothing,
}


def _part(part: Any, where: str) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in _TEXTS:
        return {"type": "text", "text": str(part.get("text") or part.get("refusal") or "")}
    if kind == "input_image" and part.get("image_url"):
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
    if kind == "input_file" and part.get("file_data"):
        return {"type": "file", "file": {key: part[key] for key in ("filename", "file_data") if key in part}}
    raise BadRequest(
        f"{where} is of type {kind!r}, or lacks its content.",
        param=f"{where}.type",
        remedy="Send input_text, input_image with an image_url, or input_file with file_data.",
    )


def _tool(tool: Any, where: str) -> dict[str, Any]:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        kind = tool.get("type") if isinstance(tool, dict) else tool
        raise BadRequest(
            f"{where} is of type {kind!r}, which is not supported.",
            param=f"{where}.type",
            remedy="Give functions.",
        )
    known = ("name", "description", "parameters", "strict")
    return {"type": "function", "function": {key: tool[key] for key in known if tool.get(key) is not None}}


def _tool_choice(choice: Any) -> dict[str, Any]:
    if choice is None:
        return {}
    if isinstance(choice, dict) and choice.get("type") == "function":
        return {"tool_choice": {"type": "function", "function": {"name": choice.get("name", "")}}}
    if isinstance(choice, str):
        return {"tool_choice": choice}
    raise BadRequest(
        "tool_choice is not supported in this form.",
        param="tool_choice",
        remedy='Write "auto", "none", "required" or {"type": "function", "name": ...}.',
    )


def _shape(form: Mapping[str, Any]) -> dict[str, Any] | None:
    if form.get("type") == "json_schema":
        known = ("name", "description", "schema", "strict")
        described = {key: form[key] for key in known if form.get(key) is not None}
        return {"type": "json_schema", "json_schema": described}
    return {"type": "json_object"} if form.get("type") == "json_object" else None
