"""Nouns that every request makes anew: frozen to the type checker, and quick to make.

Python's own frozen dataclass sets each attribute through `object.__setattr__`, which makes an object of thirty attributes
five times as dear as a plain one; on the gateway's path that was a tenth of a request. So the checker forbids what the
interpreter here does not.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A dataclass with slots, compared and hashed by value. `dataclasses.replace` makes another one."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
