"""A served task without a server: questions with known answers go into the ledger as the gateway would write them."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from stepladder.core import Mode, Promise, Question, Task, Turning
from stepladder.evaluation import stream
from stepladder.flywheel import Flywheel
from stepladder.promise import audited
from stepladder.registry import Registry
from stepladder.rollout import Standing
from stepladder.store import AuditRow, LedgerRow, Store
from stepladder.training import load_rungs

TASK = Task(
    name="mood",
    top="teacher",
    labels=("good", "bad"),
    rungs=("dictionary", "linear"),
    promise=Promise(target=0.9, risk=0.1, horizon=500),
    flywheel=Turning(
        labels=200, growth=1.5, calibration=60, canary=0.3, canary_answers=60, audit=0.1, recalibrate=0.5
    ),
    recipes={"linear": {"folds": 3, "characters": False, "bits": 12, "costs": [0.3]}},
)

_GOOD = ("lovely", "bright", "好吃", "warm", "neat")
_BAD = ("awful", "dull", "难吃", "cold", "broken")
_PLAIN = ("table", "soup", "waiter", "evening", "菜", "street", "chair", "menu")


class Stream:
    """Asks questions of a task. `hard` of them carry no word that tells the answer; `flip` turns the top's mind; `words`
    tell."""

    def __init__(self, store: Store, folder: Path, task: Task = TASK, seed: int = 0) -> None:
        self.store, self.task = store, task
        self.registry = Registry(store.catalogue, folder)
        self.wheel = Flywheel(store, self.registry, {task.name: "top-1"}, lambda *said: None, stream)
        self.random = random.Random(seed)
        self.mode = Mode.LADDER
        self.hard = 0.2
        self.flip = False
        self.words = (_GOOD, _BAD)
        self.broken = False
        self.asked = 0
        self.wrong_low = 0

    def turn(self, questions: int, chunk: int = 40) -> Standing:
        """Ask and tick in turn; where the task stands then."""
        for _ in range(0, questions, chunk):
            self.ask(chunk)
            standing = self.tick()
        return standing

    def tick(self) -> Standing:
        """Tick until nothing is due."""
        before, now = None, self.wheel.tick(self.task)
        while (now.step, now.number) != before:
            before, now = (now.step, now.number), self.wheel.tick(self.task)
        return now

    def again(self, **changes: Any) -> None:
        """Another process takes over."""
        self.wheel = replace(self.wheel, **changes)

    def question(self) -> tuple[str, str]:
        """A text and what the top says to it."""
        label = self.random.choice(("good", "bad"))
        words = self.random.choices(_PLAIN, k=4)
        if self.random.random() >= self.hard:
            words += self.random.choices(self.words[label == "bad"], k=2)
        self.random.shuffle(words)
        text = " ".join([*words, f"n{self.random.randrange(10**6)}"])
        return text, label if not self.flip else ("bad" if label == "good" else "good")

    def ask(self, count: int) -> None:
        """Put `count` questions to whatever is rolled out now."""
        rollout = self.store.rollouts.get(self.task.name)
        asked = [self.question() for _ in range(count)]
        rows, audits = [], []
        for text, said in asked:
            self.asked += 1
            id = f"q{self.asked}"
            release = rollout.live
            if rollout.candidate and self.random.random() < rollout.share:
                release = rollout.candidate
            if release is None or self.mode is not Mode.LADDER:
                rows.append(self._row(id, text, said, top=True, drawn=True))
                continue
            share = self.task.flywheel.audit if rollout.draw is None else rollout.draw
            row = self._climb(
                self._row(id, text, said, drawn=audited(id, share, "coin"), ladder_release=release)
            )
            rows.append(row)
            if not row.top:
                self.wrong_low += row.answer != said
                if row.drawn:
                    audits.append(AuditRow(id, 0.0, self.task.name, release, said, row.answer == said))
        self.store.ledger.write_many(rows, audits)

    def _climb(self, row: LedgerRow) -> LedgerRow:
        ladder = self.store.catalogue.get_ladder_release(row.ladder_release)
        assert ladder is not None
        rung = load_rungs(self.registry, ladder.rungs)[0]
        guess = rung.predict([Question(id=row.id, task=row.task, text=row.text)])[0]
        if self.broken or guess.confidence < ladder.thresholds["linear"]:
            return replace(row, top=True)
        return replace(row, top=False, answer=guess.text, rung="linear", confidence=guess.confidence)

    def _row(self, id: str, text: str, answer: str, **more: Any) -> LedgerRow:
        values: dict[str, Any] = {"top": True, "rung": "teacher", **more}
        return LedgerRow(id, 0.0, "", self.task.name, "teacher", text, answer=answer, **values)
