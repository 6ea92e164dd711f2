"""The guard on form: an answer is JSON that fits a schema, or is no longer than allowed, or it does not go out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from stepladder.core import Action, ConfigError, Side, Turn, Verdict, config

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool,
    "null": type(None),
}  # fmt: skip
_KNOWN = {
    "type", "properties", "required", "items", "enum", "additionalProperties", "minLength", "maxLength", "minimum",
    "maximum", "minItems", "maxItems", "description", "title",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FormSettings:
    """`schema` is a JSON Schema (the keywords that structured outputs use); `longest` is in characters, 0 for any."""

    schema: Mapping[str, Any] = field(default_factory=dict)
    longest: int = 0
    action: Action = Action.BLOCK
    side: Side = Side.OUT


class FormGuard:
    """Checks a whole text, so `window` is None."""

    window = None
    quick = True

    def __init__(self, name: str, settings: FormSettings) -> None:
        _check_schema(settings.schema, f"guards.{name}.schema")
        self.name = name
        self.side = settings.side
        self._settings = settings

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """Open with a configuration's settings. Raises ConfigError naming a keyword that is not understood."""
        return cls(name, config.settings(settings, FormSettings, f"guards.{name}"))

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Say where the text breaks its form."""
        if self._settings.longest and len(text) > self._settings.longest:
            return self._broken(f"longer than {self._settings.longest} characters")
        if not self._settings.schema:
            return Verdict()
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self._broken("not JSON")
        where = _misfit(value, self._settings.schema, "$")
        return self._broken(where) if where else Verdict()

    def _broken(self, why: str) -> Verdict:
        return Verdict(self._settings.action, ("form",), 1.0, reason=why)


def _check_schema(schema: Mapping[str, Any], where: str) -> None:
    for key in schema:
        if key not in _KNOWN:
            raise ConfigError(
                f"{where}: {key!r} is not checked.",
                remedy=f"Known: {', '.join(sorted(_KNOWN))}.",
                param=where,
            )
    for name, part in schema.get("properties", {}).items():
        _check_schema(part, f"{where}.properties.{name}")
    if isinstance(schema.get("items"), Mapping):
        _check_schema(schema["items"], f"{where}.items")


def _misfit(value: Any, schema: Mapping[str, Any], where: str) -> str:
    """Return where and how the value misses the schema; empty if it fits."""
    wanted = schema.get("type")
    if wanted and not any(_is(value, one) for one in ([wanted] if isinstance(wanted, str) else wanted)):
        return f"{where} is not {wanted}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} is none of the allowed values"
    if isinstance(value, dict):
        return _misfit_object(value, schema, where)
    if isinstance(value, list):
        return _misfit_list(value, schema, where)
    return _misfit_size(value, schema, where)


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES.get(name, ()))


def _misfit_object(value: dict[str, Any], schema: Mapping[str, Any], where: str) -> str:
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        return f"{where} lacks {missing[0]}"
    known = schema.get("properties", {})
    if schema.get("additionalProperties") is False and value.keys() - known.keys():
        return f"{where} has a property too many"
    found = (_misfit(value[name], part, f"{where}.{name}") for name, part in known.items() if name in value)
    return next((text for text in found if text), "")


def _misfit_list(value: list[Any], schema: Mapping[str, Any], where: str) -> str:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return f"{where} has {len(value)} items"
    items = schema.get("items")
    found = (_misfit(one, items, f"{where}[{i}]") for i, one in enumerate(value)) if items else ()
    return next((text for text in found if text), "")


def _misfit_size(value: Any, schema: Mapping[str, Any], where: str) -> str:
    if isinstance(value, str):
        fits = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        return "" if fits else f"{where} has {len(value)} characters"
    if isinstance(value, int | float) and not isinstance(value, bool):
        fits = schema.get("minimum", value) <= value <= schema.get("maximum", value)
        return "" if fits else f"{where} is out of range"
    return ""
