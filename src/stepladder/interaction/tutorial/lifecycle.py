"""The life cycle of a rung, for real: a log, cleaned; a small language model, tuned on it, merged, packed and certified by
the flywheel of a running server; tried out, promoted, measured, and rolled back."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stepladder.core import BadRequest, Certificate, Task
from stepladder.data import RowFile, find_contamination, find_duplicates, read_log, write_rows
from stepladder.interaction.compose import open_registry
from stepladder.interaction.opening import open_store
from stepladder.interaction.settings import Settings
from stepladder.interaction.tutorial.asking import Reply, ask
from stepladder.interaction.tutorial.frontier import Seen, Stand, fitted, learned, size_of, zero_shot
from stepladder.interaction.tutorial.place import TASK, TOP, Place, Plan, start, stepladder
from stepladder.interaction.tutorial.support import PROMPT, Inbox, Message, inbox
from stepladder.rollout import Standing, Step
from stepladder.store import Store
from stepladder.training import load_rungs

Tell = Callable[[str, int, int, str], None]
"""Called as tell(step, done, total, what)."""

_LOG, _HELD = 1800, 120
_LEAST = 1000  # rows of a user's own file
_TOGETHER = 24  # questions to the top at a time
_FOLLOW = 0.5  # seconds between two looks at the store
_PATIENCE = 3600.0


@dataclass(slots=True)
class Lifecycle:
    """What has come of it. `minutes` holds how long each step took."""

    plan: Plan
    own_data: bool = False
    rows: int = 0
    copies: int = 0
    leaked: int = 0
    kept: int = 0
    intents: int = 0
    trained: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    certificate: Certificate | None = None
    threshold: float = 1.0
    after: list[Reply] = field(default_factory=list)
    back_seconds: float = 0.0
    history: list[str] = field(default_factory=list)
    stands: list[Stand] = field(default_factory=list)
    minutes: dict[str, float] = field(default_factory=dict)

    @property
    def low_share(self) -> float:
        """Of the answers after the promotion, the share that the tuned model gave."""
        return sum(reply.rung != TOP for reply in self.after) / max(1, len(self.after))

    @property
    def agreement(self) -> float:
        """Of the answers after the promotion, the share that equals the log's."""
        return sum(reply.agreed for reply in self.after) / max(1, len(self.after))

    @property
    def gain(self) -> float:
        """How much better than untrained the tuned model is on the held-out rows."""
        by_name = {stand.name: stand.accuracy for stand in self.stands}
        return by_name["lora"] - by_name["smollm2, zero-shot"]

    def figures(self) -> dict[str, object]:
        """For programs; the replies are summed up."""
        kept = {key: value for key, value in asdict(self).items() if key != "after"}
        return {**kept, "low_share": self.low_share, "agreement": self.agreement, "gain": self.gain}


def run(folder: Path, plan: Plan, data: Path | None, tell: Tell) -> Lifecycle:
    """Do it all in `folder`. Raises BadRequest for a file that is too small, MissingExtra, DataError, StoreError."""
    found = Lifecycle(plan, own_data=data is not None)
    clock = _Clock(found)
    box = _read(data) if data is not None else inbox(_LOG, _HELD)
    found.intents = len(box.intents)
    messages = _clean(folder, box, found, tell)
    clock("clean")
    prompt = PROMPT if data is None else "Which label does the text have?"
    task = Task(TASK, top=TOP, labels=box.intents, prompt=prompt, rungs=("lora",))
    found.stands.append(zero_shot(task, box.held, _seen(tell, "zero-shot", len(box.held))))
    clock("zero-shot")
    place = start(folder, box.intents, prompt, plan)
    try:
        story = _Story(place, messages, found, tell)
        try:
            story.until_fitted()
            clock("train, merge, pack")
            story.until_live()
            clock("certify, canary, live")
            story.go_back()
            clock("roll back")
            found.stands += story.frontier(task, box.held)
            clock("frontier")
        finally:
            story.close()
    finally:
        place.stop()
    (folder / "figures.json").write_text(json.dumps(found.figures(), indent=1), encoding="utf-8")
    return found


class _Clock:
    """Writes down how long each step took."""

    def __init__(self, found: Lifecycle) -> None:
        self._found, self._last = found, time.monotonic()

    def __call__(self, step: str) -> None:
        now = time.monotonic()
        self._found.minutes[step] = round((now - self._last) / 60, 2)
        self._last = now


def _read(data: Path) -> Inbox:
    """A user's own rows; every eighth is held out."""
    rows = [Message(row.text, row.answer) for row in read_log(data).rows]
    if len(rows) < _LEAST:
        raise BadRequest(
            f"{data} holds {len(rows)} usable rows.", param="--data", remedy=f"Give at least {_LEAST}."
        )
    held = tuple(rows[::8])[:_HELD]
    log = tuple(row for number, row in enumerate(rows) if number % 8)
    return Inbox(tuple(sorted({row.intent for row in rows})), log, held)


def _clean(folder: Path, box: Inbox, found: Lifecycle, tell: Tell) -> list[Message]:
    """Leave out near-copies, and what the held-out rows are made of; the rest is the log that is served."""
    for name, part in (("log", box.log), ("held", box.held)):
        write_rows(folder / f"{name}.jsonl", (_line(message) for message in part))
    quiet: Callable[[int, int, str], None] = lambda done, total, what: tell("clean", done, total, what)  # noqa: E731
    with RowFile(folder / "log.jsonl") as log, RowFile(folder / "held.jsonl") as held:
        original = find_duplicates(log, quiet, threshold=0.9).original.tolist()
        leaked = set(find_contamination(log, held, quiet, threshold=0.8).tolist())
    kept = [at for at, first in enumerate(original) if at == first and at not in leaked]
    found.rows, found.leaked, found.kept = len(box.log), len(leaked), len(kept)
    found.copies = sum(at != first for at, first in enumerate(original))
    messages = [box.log[at] for at in kept]
    write_rows(folder / "answers.jsonl", (_line(message) for message in messages))
    return messages


def _line(message: Message) -> bytes:
    return json.dumps({"input": message.text, "answer": message.intent}, ensure_ascii=False).encode()


def _seen(tell: Tell, step: str, total: int) -> Seen:
    return lambda done: tell(step, done, total, "held-out rows")


class _Story:
    """The running server, the questions that are left, and the store beside it."""

    def __init__(self, place: Place, messages: Sequence[Message], found: Lifecycle, tell: Tell) -> None:
        self._place, self._found, self._tell = place, found, tell
        self._left = list(messages)
        self._settings = Settings(place.folder / "stepladder.toml")
        self._config = self._settings.load()
        self._store: Store = open_store(self._settings, self._config)
        self._task = self._config.tasks[TASK]
        self._release = ""

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def until_fitted(self) -> None:
        """Ask as many questions as train, and wait while the flywheel tunes a model on their answers."""
        self._ask("log", self._found.plan.rows, _TOGETHER)
        end = time.monotonic() + _PATIENCE
        while (standing := self._standing()).step in (Step.GATHER, Step.FIT) and time.monotonic() < end:
            self._check(standing)
            for stage in self._store.progress.all():
                self._tell("train", stage.done, stage.total, stage.message)
            time.sleep(_FOLLOW)
        self._release = self._standing().releases["lora"]
        release = self._store.catalogue.get_release(self._release)
        if release is not None:
            self._found.trained = self._standing().trained
            self._found.metrics = dict(release.metrics)

    def until_live(self) -> None:
        """Ask on: fresh answers certify the model, its first answers are watched, then it is live."""
        end = time.monotonic() + _PATIENCE
        while self._store.rollouts.get(TASK).live is None and time.monotonic() < end:
            standing = self._standing()
            self._check(standing)
            if standing.step is Step.CALIBRATE and standing.total > standing.done:
                self._ask("certify", min(100, standing.total - standing.done), _TOGETHER)
            elif standing.step is Step.CANARY:
                self._ask("canary", 10, 2)
            else:
                self._tell("certify", standing.done, standing.total, standing.note)
                time.sleep(_FOLLOW)
        live = self._store.rollouts.get(TASK).live
        ladder = self._store.catalogue.get_ladder_release(live or "")
        if ladder is None:
            raise BadRequest("No release went live.", remedy=f"The last note: {self._standing().note}")
        self._found.certificate, self._found.threshold = ladder.certificate, ladder.thresholds["lora"]
        time.sleep(2 * _FOLLOW)  # until every worker has seen it
        self._found.after = self._ask("live", 100, 2)

    def go_back(self) -> None:
        """Roll back by hand, and see how long it takes until the top answers alone."""
        stepladder("rollout", "back", TASK, "--config", "stepladder.toml", folder=self._place.folder)
        began = time.monotonic()
        while any(reply.release for reply in self._ask("roll back", 2, 2)):
            pass
        self._found.back_seconds = time.monotonic() - began - self._found.plan.delay_ms / 1000
        self._found.history = [change.why for change in self._store.rollouts.history(TASK)]

    def frontier(self, task: Task, held: Sequence[Message]) -> list[Stand]:
        """The tuned model, and other rungs fitted on the very examples that it was tuned on."""
        registry = open_registry(self._store, self._settings, self._config)
        release = self._store.catalogue.get_release(self._release)
        assert release is not None
        (rung,) = load_rungs(registry, {"lora": self._release})
        size = size_of(registry.folder(self._release))
        found = [learned("lora", rung, size, held, _seen(self._tell, "lora", len(held)))]
        dataset = registry.dataset(release.dataset, TASK)
        others = (
            fitted(name, task, dataset, held, _seen(self._tell, name, len(held)))
            for name in ("linear", "encoder")
        )
        return found + [stand for stand in others if stand is not None]

    def _check(self, standing: Standing) -> None:
        """Raise BadRequest where the flywheel gave this turn up: it waits for labels again."""
        live = self._store.rollouts.get(TASK).live
        if standing.step is Step.GATHER and standing.trained > 0 and live is None:
            raise BadRequest(f"No release was made: {standing.note}", remedy="See server.log in the folder.")

    def _standing(self) -> Standing:
        return Standing.load(self._store, self._task)

    def _ask(self, step: str, count: int, together: int) -> list[Reply]:
        if len(self._left) < count:
            raise BadRequest(
                f"The log has no more rows to ask, at step {step}: {self._standing().note}",
                remedy="Give more rows, or a lower --target.",
            )
        part, self._left = self._left[:count], self._left[count:]
        return ask(self._place, part, together, lambda done: self._tell(step, done, count, "questions"))
