"""A task's contract with its top rung: the messages that ask, the parsing that checks, and when two answers are equal."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stepladder.core import Equal, Question, RungFailed, Task
from stepladder.text import dictionary_key

_SHORT = 200
"""Only an answer of at most so many characters is searched for its one label: a long one may name several."""


def prompt_for(task: Task, question: Question) -> list[dict[str, str]]:
    """The messages for a model: the task's prompt and contract, earlier turns, then the question's text."""
    system = [task.prompt] if task.prompt else []
    if task.caller_system and question.system:
        system.append(question.system)
    if task.labels:
        system.append(f"Answer with exactly one of these labels and nothing else: {', '.join(task.labels)}")
    if task.schema is not None:
        system.append(
            f"Answer with JSON of this schema and nothing else: {json.dumps(task.schema, ensure_ascii=False)}"
        )
    if question.fields:
        system.append(f"Fields of the question: {json.dumps(dict(question.fields), ensure_ascii=False)}")
    messages = [{"role": "system", "content": "\n\n".join(system)}] if system else []
    messages += [{"role": turn.role, "content": turn.content} for turn in question.turns]
    return [*messages, {"role": "user", "content": question.text}]


def response_format(task: Task) -> dict[str, Any] | None:
    """OpenAI's `response_format` for a task with a schema."""
    if task.schema is None:
        return None
    return {"type": "json_schema", "json_schema": {"name": task.name, "schema": dict(task.schema)}}


def parse_answer(task: Task, text: str, rung: str = "top") -> str:
    """The answer in the contract's form: a label, canonical JSON, or the text. Never a guess.

    Raises RungFailed, saying what was expected but not what was said, where the text is outside the contract.
    """
    if task.labels:
        return _label(task, text, rung)
    if task.schema is not None:
        return _json(task, text, rung)
    return text


def equal(task: Task, one: str, other: str) -> bool:
    """Whether two answers count as the same for this task."""
    match task.equality:
        case Equal.LABEL:
            return one == other
        case Equal.JSON:
            return bool(_canonical(one) == _canonical(other))
        case Equal.TEXT:
            return " ".join(one.split()) == " ".join(other.split())


def _label(task: Task, text: str, rung: str) -> str:
    said = text.strip()
    if said in task.labels:
        return said
    keys: dict[str, list[str]] = {}
    for label in task.labels:
        keys.setdefault(dictionary_key(label), []).append(label)
    plain = dictionary_key(said)
    same = keys.get(plain, [])
    if len(same) == 1:
        return same[0]
    if len(said) <= _SHORT:
        found = [key for key in keys if _occurs(key, plain)]
        longest = [key for key in found if not any(key != other and key in other for other in found)]
        if len(longest) == 1 and len(keys[longest[0]]) == 1:
            return keys[longest[0]][0]
    shown = ", ".join(task.labels[:10]) + (", ..." if len(task.labels) > 10 else "")
    raise RungFailed(
        rung, f"{rung} answered outside the label set of {task.name!r}.", remedy=f"Expected one of: {shown}."
    )


def _occurs(key: str, text: str) -> bool:
    if not key.isascii():
        return key in text
    at = text.find(key)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(key) : at + len(key) + 1]
        if not (before.isalnum() and before.isascii()) and not (after.isalnum() and after.isascii()):
            return True
        at = text.find(key, at + 1)
    return False


def _json(task: Task, text: str, rung: str) -> str:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise RungFailed(
            rung, f"{rung} did not answer {task.name!r} with JSON.", remedy="Ask for JSON in the prompt."
        ) from error
    wrong = _mismatch(value, task.schema or {}, "$")
    if wrong:
        raise RungFailed(rung, f"{rung} answered {task.name!r} outside the schema: {wrong}.")
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _canonical(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def _mismatch(value: Any, schema: Mapping[str, Any], at: str) -> str:
    """What is wrong with `value`, "" if nothing: type, enum, const, required, properties and items are looked at."""
    if "enum" in schema and value not in schema["enum"]:
        return f"{at} is none of the allowed values"
    if "const" in schema and value != schema["const"]:
        return f"{at} is not the required value"
    wanted = schema.get("type")
    names: Sequence[str] = [wanted] if isinstance(wanted, str) else wanted or []
    if names and not any(_is(value, name) for name in names):
        return f"{at} is not of type {' or '.join(names)}"
    if isinstance(value, dict):
        return _object_mismatch(value, schema, at)
    if isinstance(value, list):
        found = (
            _mismatch(item, schema.get("items", {}), f"{at}[{index}]") for index, item in enumerate(value)
        )
        return next(filter(None, found), "")
    return ""


def _object_mismatch(value: dict[str, Any], schema: Mapping[str, Any], at: str) -> str:
    properties: Mapping[str, Any] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f"{at}.{name} is missing"
    if schema.get("additionalProperties") is False:
        for name in value:
            if name not in properties:
                return f"{at} has a property that the schema does not have"
    found = (
        _mismatch(value[name], rule, f"{at}.{name}") for name, rule in properties.items() if name in value
    )
    return next(filter(None, found), "")


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES.get(name, ()))
