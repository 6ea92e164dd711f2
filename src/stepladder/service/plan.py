"""Which way a task's question goes: mode, ladder release and coin, decided once and before anyone looks at its text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from stepladder.core import (
    Config,
    Mode,
    Model,
    ModelConfig,
    Question,
    Rollout,
    Task,
    TaskKind,
    UnknownModel,
    Usage,
)
from stepladder.models import DictionaryRung, Ladder, Remembering, refuse_confidential
from stepladder.promise import audited
from stepladder.service.tools import OpenedTool

OWNERS_WORD = DictionaryRung.name
"""Answers of this rung are the owner's word: believed always, kept out of the promise, of audits and of calibration."""
_PLAIN = ModelConfig("", {})

UNEDITED = (0, "", 0)
"""Edits of a task whose answers depend on nothing but what `version` names, in any process."""
UNSEEN = "at "
"""What can be found, where this process has not looked yet, or cannot tell."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one question is answered.

    `ladder` climbs, or is None where the question goes straight to the `top`; `beside` is only listened to (observe
    mode). `ladder_release` is what the answer counts for: "" where the top answers by itself, and so in observe mode.
    `drawn` says that the top rung's answer is wanted whatever the low rungs say, decided without looking at the content.
    """

    top: Ladder
    ladder: Ladder | None = None
    beside: Ladder | None = None
    ladder_release: str = ""
    drawn: bool = False


def _free(usage: Usage) -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class ServedTask:
    """A task as it is served now: its mode, its rollout and the ladders that this needs, ready to climb.

    `unreleased` holds the rungs that need no release (the dictionary) below the top, `top` is the top rung alone, and
    `released` maps the id of a ladder release to its ladder. `private` says that the top may see confidential
    questions, `cost` what tokens of the top cost, `dearest` the same of all that may be asked for it,
    since an answer outside the contract is paid for and another model asked then.
    `coverage` is each release's certified share of low answers, where nobody else answers.
    `version` changes with everything that an answer depends on beside the question and its ladder release; `edits` are the
    owner's since then, which only this process knows, a name for the documents as they are now, and the last feedback that
    may have approved an answer.
    `prompt_bytes` is what the top is sent beside the question, at most. `embedder` is that of its
    semantic cache, if it has one.
    """

    task: Task
    mode: Mode
    rollout: Rollout
    top: Ladder
    unreleased: Ladder
    released: Mapping[str, Ladder] = field(default_factory=dict)
    seed: str = ""
    private: bool = False
    cost: Callable[[Usage], float] = _free
    dearest: Callable[[Usage], float] = _free
    version: str = ""
    edits: Callable[[], tuple[int, str, int]] = lambda: UNEDITED
    coverage: Mapping[str, float] = field(default_factory=dict)
    prompt_bytes: int = 0
    embedder: Remembering | None = None

    def plan(self, question: Question) -> Plan:
        """Choose once. Raises BadRequest for a confidential question that might have to leave this machine."""
        if question.confidential and not self.private:
            raise refuse_confidential(f"the top rung of {self.task.name}")
        if question.force_top:
            return Plan(top=self.top)
        if self.mode is Mode.TOP:
            return Plan(top=self.top, drawn=True)
        if self.mode is Mode.OBSERVE:
            watched = self.rollout.candidate or self.rollout.live or ""
            beside = self.released.get(watched)
            return Plan(top=self.top, beside=beside, drawn=True)
        return self._climb(question)

    def _climb(self, question: Question) -> Plan:
        release = self.rollout.live
        if self.rollout.candidate and _share(question) < self.rollout.share:
            release = self.rollout.candidate
        ladder = self.released.get(release or "")
        if ladder is None:
            # Of what answers from documents nothing is learned, so nothing is drawn for it either.
            return Plan(top=self.top, ladder=self.unreleased, drawn=self.task.kind is TaskKind.TASK)
        chance = self.task.flywheel.audit if self.rollout.draw is None else self.rollout.draw
        drawn = audited(question.id, chance, self.seed)
        return Plan(top=self.top, ladder=ladder, ladder_release=release or "", drawn=drawn)


def _share(question: Question) -> float:
    """A number in [0, 1) that stays the same for all questions of a tenant's conversation, or of one of its users."""
    who = question.conversation or question.user
    same = f"{question.tenant}\0{who}" if who else question.id
    key = f"{question.task}\0{same}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(key, digest_size=6).digest(), "big") / 2**48


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that can be asked right now. Swapped whole, so that one question sees one state."""

    config: Config
    tasks: Mapping[str, ServedTask]
    models: Mapping[str, Model]
    tools: Mapping[str, OpenedTool] = field(default_factory=dict)

    def model(self, name: str) -> tuple[Model, ModelConfig, list[Model]]:
        """A plain model with its table, and the models that may stand in for it."""
        known = self.config.models.get(name, _PLAIN)
        return self.models[name], known, [self.models[one] for one in known.fallback if one in self.models]

    def find(self, name: str) -> ServedTask | Model:
        """What a request's `model` names. Raises UnknownModel, listing what there is."""
        found = self.tasks.get(name) or self.models.get(name)
        if found is None:
            known = (
                ", ".join([*self.tasks, *self.models, *self.config.plans])
                or "none yet; add [models.NAME] to the configuration"
            )
            raise UnknownModel(
                f"There is no model {name!r}.", param="model", remedy=f"Tasks, plans and models: {known}."
            )
        return found
