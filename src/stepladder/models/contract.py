"""A task's contract with its top rung: the messages that ask, the parsing that checks, and when two answers are equal."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from stepladder.core import Equal, Question, RungFailed, Task
from stepladder.models.label import find_label
from stepladder.models.passages import fenced, rules

_FENCE = re.compile(r"\s*```\w*\s*\n(.*)\n\s*```\s*", re.DOTALL)
_EXACT = 2**53
"""Up to here a float holds every whole number, so that 4.0 may be written 4."""


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
    system += rules(task, question)
    messages = [{"role": "system", "content": "\n\n".join(system)}] if system else []
    messages += [{"role": turn.role, "content": turn.content} for turn in question.turns]
    return [*messages, {"role": "user", "content": fenced(question)}]


def response_format(task: Task) -> dict[str, Any] | None:
    """OpenAI's `response_format` for a task with a schema."""
    if task.schema is None:
        return None
    # The name may hold ASCII letters, digits, _ and - only, and a task's may be Chinese; so it is always the same.
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(task.schema)}}


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
            return one == other or _canonical(one) == _canonical(other)
        case Equal.TEXT:
            return " ".join(one.split()) == " ".join(other.split())


def _label(task: Task, text: str, rung: str) -> str:
    found = find_label(task.labels, text)
    if found is None:
        shown = ", ".join(task.labels[:10]) + (", ..." if len(task.labels) > 10 else "")
        raise RungFailed(
            rung,
            f"{rung} answered outside the label set of {task.name!r}.",
            remedy=f"Expected one of: {shown}.",
        )
    return found


def _json(task: Task, text: str, rung: str) -> str:
    fenced = _FENCE.fullmatch(text)
    try:
        value = _read(fenced[1] if fenced else text)
    except (ValueError, RecursionError) as error:
        raise RungFailed(
            rung, f"{rung} did not answer {task.name!r} with JSON.", remedy="Ask for JSON in the prompt."
        ) from error
    wrong = mismatch(value, task.schema or {})
    if wrong:
        raise RungFailed(rung, f"{rung} answered {task.name!r} outside the schema: {wrong}.")
    return _write(value)


def _canonical(text: str) -> str:
    try:
        return _write(_read(text))
    except (ValueError, RecursionError):
        return text


def _same(one: Any, other: Any) -> bool:
    """As JSON: 4 is 4.0, and 1 is not true."""
    return _canonical(_write(one)) == _canonical(_write(other))


def _read(text: str) -> Any:
    """JSON as the standard has it: no NaN, no infinity, no half surrogate pair. Raises ValueError or RecursionError."""
    value = json.loads(text, parse_float=_number, parse_constant=_refuse)
    if "\\u" in text:
        _write(value).encode()
    return value


def _write(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _number(text: str) -> int | float:
    number = float(text)
    if abs(number) == float("inf"):
        _refuse(text)
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no number of JSON")


_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def mismatch(value: Any, schema: Any, at: str = "$") -> str:
    """What is wrong with `value`, "" if nothing: type, enum, const, required, properties and items are looked at."""
    if not isinstance(schema, Mapping):
        return f"{at} is not allowed" if schema is False else ""
    wrong = _value_mismatch(value, schema, at)
    if wrong or not isinstance(value, dict | list):
        return wrong
    if isinstance(value, dict):
        return _object_mismatch(value, schema, at)
    items = schema.get("items", True)
    return next(filter(None, (mismatch(item, items, f"{at}[{n}]") for n, item in enumerate(value))), "")


def _value_mismatch(value: Any, schema: Mapping[str, Any], at: str) -> str:
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        return f"{at} is none of the allowed values"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{at} is not the required value"
    wanted = schema.get("type")
    names: Sequence[str] = [wanted] if isinstance(wanted, str) else wanted or []
    if names and not any(_is(value, name) for name in names):
        return f"{at} is not of type {' or '.join(names)}"
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
        mismatch(value[name], rule, f"{at}.{name}") for name, rule in properties.items() if name in value
    )
    return next(filter(None, found), "")


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES.get(name, ()))
