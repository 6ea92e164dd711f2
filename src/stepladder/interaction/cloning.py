"""A task for a new domain: the ladder and the policies of one that there is, in other words.

What belongs to a job travels (contract, rungs, recipes, promise and floors, guards, caches); what belongs to a domain's
questions does not (releases, certificates, documents), and is named.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, ConfigError, DataError, Task, config, plugins
from stepladder.interaction.layout import toml_key, toml_value

_WORDED = ("prompt", "description", "title", "refusal", "en", "zh")
"""The keys of a task whose texts speak of a domain."""
_ASKED = ("text", "input", "question", "prompt", "content")
_ANSWERED = ("answer", "answers", "output")
"""The keys of test rows that hold what is asked, and what is right."""
_HAN = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Domain:
    """What the texts are about from now on, and the `old` word for what they were about ("": none is known)."""

    name: str
    old: str = ""

    def put(self, text: str) -> str:
        """The text with the new domain where the old one stood; a capital stays one."""
        if not self.old:
            return text
        edge = r"\b" if self.old.isascii() else ""
        return re.sub(f"{edge}{re.escape(self.old)}{edge}", self._like, text, flags=re.IGNORECASE)

    def _like(self, found: re.Match[str]) -> str:
        return self.name[0].upper() + self.name[1:] if found[0][0].isupper() else self.name


@dataclass(frozen=True, slots=True)
class Clone:
    """The new task: its `block` of TOML, and the whole `text` of the configuration with it, which is good."""

    task: Task
    block: str
    text: str = field(repr=False)
    notes: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Put the new configuration in the place of the old one, in one step. Raises ConfigError where it cannot."""
        target = path.resolve()
        draft = target.with_name(f"{target.name}.draft")
        try:
            draft.write_text(self.text, encoding="utf-8")
            draft.chmod(target.stat().st_mode & 0o777)
            os.replace(draft, target)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise ConfigError(
                f"Cannot write {target}: {error.strerror}.", remedy="The old one is as it was."
            ) from error


def clone(text: str, name: str, new: str, domain: Domain, *, origin: str = "stepladder.toml") -> Clone:
    """The task `name` of a configuration once more, as `new`, for another domain.

    Raises BadRequest where there is no such task or the name is taken, ConfigError where the whole is not good.
    """
    before = config.parse(text, origin=origin)
    if name not in before.tasks:
        known = ", ".join(before.tasks) or "none"
        raise BadRequest(f"There is no task named {name!r}.", param="NAME", remedy=f"Tasks: {known}.")
    if new in {*before.tasks, *before.models, *before.plans}:
        raise BadRequest(f"The name {new!r} is taken.", param="--as", remedy="Give another with --as.")
    table = _reworded(tomllib.loads(text)["tasks"][name], domain, ())
    block = "\n".join(
        [f"# As {_comment(name)}, for {_comment(domain.name)}", *_table(f"tasks.{toml_key(new)}", table)]
    )
    whole = f"{text.rstrip()}\n\n{block}\n"
    after = config.parse(whole, origin=origin)
    for rung in after.tasks[new].rungs:
        plugins.find(plugins.RUNGS, rung)
    classes = [known for known, service in before.classes.items() if name in service.models]
    notes = _notes(before.tasks[name], after.tasks[new], domain, classes)
    return Clone(after.tasks[new], block, whole, tuple(notes))


def reworded_tests(file: Path, domain: Domain, task: Task) -> list[dict[str, Any]]:
    """Test questions (JSONL) in the new domain's words, without the documents that the old domain's answers were in.

    Labels stay as they are. Raises DataError naming the line.
    """
    worded = _ASKED if task.labels else (*_ASKED, *_ANSWERED)
    found = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Cannot read {file}: {error}.", remedy="Check the path; it must be UTF-8."
        ) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = _object(line, f"{file}:{number}")
            found.append(
                {key: _anew(value, key, worded, domain) for key, value in row.items() if key != "documents"}
            )
    return found


def name_for(name: str, domain: Domain) -> str:
    """What the new task is called where nobody says: the old name with the new domain at its end."""
    stem = name.removesuffix(f"-{domain.old}") if domain.old else name
    return f"{stem}-{slug(domain.name)}"


def slug(domain: str) -> str:
    """The domain as a part of a name."""
    return "-".join(domain.lower().split())


def old_word(name: str) -> str:
    """The word for the old domain where nobody says: the end of the task's name, if it has parts."""
    return name.rpartition("-")[2] if "-" in name else ""


def _reworded(value: Any, domain: Domain, path: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        found = {key: _reworded(inner, domain, (*path, key)) for key, inner in value.items()}
        if not path and value.get("prompt"):
            found["prompt"] = _about(value["prompt"], domain)
        return found
    if isinstance(value, list):
        return [_reworded(inner, domain, path) for inner in value]
    if not isinstance(value, str):
        return value
    if path in (("knowledge",), ("knowledge", "collection")):
        return _collection(value, domain)
    return domain.put(value) if path[-1] in _WORDED else value


def _about(prompt: str, domain: Domain) -> str:
    """The prompt in the new domain's words; where it names no domain, it is told one."""
    said = domain.put(prompt)
    if said != prompt or domain.name.lower() in prompt.lower():
        return said
    line = f"领域：{domain.name}。" if _HAN.search(prompt) else f"The domain is {domain.name}."
    return f"{prompt}\n{line}"


def _collection(name: str, domain: Domain) -> str:
    said = slug(domain.put(name))
    return said if said != slug(name) else f"{name}-{slug(domain.name)}"


def _notes(old: Task, new: Task, domain: Domain, classes: list[str]) -> Iterator[str]:
    if new.prompt != domain.put(old.prompt):
        yield "The prompt named no domain; a line that does stands at its end now. Look it over."
    if new.labels:
        yield f"The labels are the same ({', '.join(new.labels)}). Change them if the domain has others."
    if new.knowledge.collection:
        yield f"Documents: stepladder knowledge add FILES --collection {new.knowledge.collection}"
    if new.knowledge.retriever:
        yield f"The retriever {new.knowledge.retriever} is the same. See that it knows of {domain.name}."
    learned = [rung for rung in new.rungs if rung != "dictionary"]
    if learned:
        yield (
            f"No release of {old.name} answers here: {', '.join(learned)} are fitted and certified on this domain's "
            f"questions, and until then {new.teacher} answers."
        )
    for name in classes:
        yield f"[classes.{name}] lists {old.name} and not {new.name}: add it there if its tenants may ask."


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where} is no JSON: {error}.", remedy="Write one object a line.") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} is no object.", remedy="Write one object a line.")
    return row


def _anew(value: Any, key: str, worded: tuple[str, ...], domain: Domain) -> Any:
    if isinstance(value, dict):
        return {inner: _anew(one, inner, worded, domain) for inner, one in value.items()}
    if isinstance(value, list):
        return [_anew(one, key, worded, domain) for one in value]
    return domain.put(value) if isinstance(value, str) and key in worded else value


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _table(where: str, values: Mapping[str, Any]) -> Iterator[str]:
    """A table in TOML: its own keys first, then the tables in it."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    inner = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    if plain or not inner:
        yield f"[{where}]"
        yield from (f"{toml_key(key)} = {toml_value(value)}" for key, value in plain.items())
    for key, value in inner.items():
        yield from _table(f"{where}.{toml_key(key)}", value)
