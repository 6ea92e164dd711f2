"""The demo's pipeline, offline and over many seeds: how often is its promise broken?

    python benchmarks/demo_promise.py --seeds 300

Each seed shuffles the demo's reviews anew and replays them through the demo's own task settings: the real ledger (in memory),
flywheel, plan, thresholds, coin, canary and audit. Only HTTP, the delay of the top and the length of a fit are left out. A run
breaks its promise when, over everything from the first promotion on, fewer than the target's share of all answers agree with
the top rung. A one-sided exact binomial test asks whether that happens more often than the risk explains. Writes
results/demo_promise.json and .md beside this file.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev

from demo.place import CONFIG
from demo.reviews import Review, reviews
from stepladder.core import Events, Guess, Learned, Question, Task, config
from stepladder.flywheel import Flywheel
from stepladder.models import Ladder, RecordedModel
from stepladder.promise import binomial_test_greater, clopper_pearson_upper
from stepladder.registry import Registry
from stepladder.service import Plan, ServedTask
from stepladder.store import AuditRow, LedgerRow, Store
from stepladder.training import load_rungs

HERE = Path(__file__).parent
CHUNK = 100  # questions between two ticks: half a second of the demo
TOP_MS, LOW_MS = 400.0, 0.4


@dataclass(frozen=True, slots=True)
class Run:
    """One seed. Shares are of the answers since the first promotion, and of the last quarter of the stream."""

    seed: int
    promotions: int
    roll_backs: int
    since: int
    avoided: float
    agreement: float
    last_avoided: float
    last_agreement: float
    seconds: float


def demo_task(target: float, risk: float) -> Task:
    """The demo's task, from the demo's own configuration."""
    text = CONFIG.format(port=1, data="d", recording="r", target=target, risk=risk, local="")
    return config.parse(text).tasks["sentiment"]


class Replay:
    """Feeds one stream and keeps the score: one (agreed, calls of the top) a question."""

    def __init__(self, task: Task, rows: Sequence[Review], store: Store, folder: Path, seed: int) -> None:
        self.task, self.rows, self.store, self.seed = task, rows, store, seed
        self.registry = Registry(store.catalogue, folder)
        self.wheel = Flywheel(store, self.registry, {task.name: "top"}, lambda *said: None)
        self.top = Ladder(
            task,
            [],
            {},
            RecordedModel.open("teacher", _answers(folder)).rung(task),
            release="",
            events=Events(),
        )
        self.rungs: dict[str, Learned] = {}
        self.score: list[tuple[bool, int]] = []
        self.promoted: int | None = None

    def run(self) -> None:
        """Feed and tick, in turn, to the end."""
        for start in range(0, len(self.rows), CHUNK):
            self._tick()
            self._feed(start, self.rows[start : start + CHUNK])

    def _tick(self) -> None:
        before = None
        standing = self.wheel.tick(self.task)
        while (standing.step, standing.number) != before:
            before = (standing.step, standing.number)
            standing = self.wheel.tick(self.task)
        if self.promoted is None and self.store.rollouts.get(self.task.name).live:
            self.promoted = len(self.score)

    def _served(self) -> ServedTask:
        rollout = self.store.rollouts.get(self.task.name)
        released = {}
        for id in {rollout.live, rollout.candidate} - {None}:
            release = self.store.catalogue.get_ladder_release(str(id))
            assert release is not None
            if str(id) not in self.rungs:
                self.rungs[str(id)] = load_rungs(self.registry, release.rungs)[0]
            rung = self.rungs[str(id)]
            released[str(id)] = Ladder(
                self.task, [rung], release.thresholds, self.top, release=str(id), events=Events()
            )
        return ServedTask(
            self.task,
            self.task.mode,
            rollout,
            self.top,
            self.top,
            released=released,
            seed=f"seed {self.seed}",
        )

    def _feed(self, start: int, rows: Sequence[Review]) -> None:
        served = self._served()
        asked = [Question(f"q{start + i}", self.task.name, row.text) for i, row in enumerate(rows)]
        plans = [served.plan(question) for question in asked]
        said = self._guesses(asked, plans)
        ledger, audits = [], []
        for question, plan, row, guess in zip(asked, plans, rows, said, strict=True):
            low = guess is not None
            answer = guess.text if guess else row.label
            agreed = answer == row.label
            ledger.append(_row(self.task, question, plan, answer, guess))
            if low and plan.drawn:
                audits.append(
                    AuditRow(question.id, 0.0, self.task.name, plan.ladder_release, row.label, agreed)
                )
            self.score.append((agreed, (not low) + (low and plan.drawn)))
        self.store.ledger.write_many(ledger, audits)

    def _guesses(self, asked: Sequence[Question], plans: Sequence[Plan]) -> list[Guess | None]:
        """What is believed below the top, by the thresholds of each question's release."""
        said: list[Guess | None] = [None] * len(asked)
        for id in {plan.ladder_release for plan in plans} - {""}:
            mine = [i for i, plan in enumerate(plans) if plan.ladder_release == id]
            release = self.store.catalogue.get_ladder_release(id)
            assert release is not None
            threshold = release.thresholds["linear"]
            for i, guess in zip(mine, self.rungs[id].predict([asked[i] for i in mine]), strict=True):
                if guess.confidence >= threshold:
                    said[i] = guess
        return said


def _answers(folder: Path) -> dict[str, str]:
    path = folder / "teacher.jsonl"
    path.write_text('{"input": "-", "answer": "positive"}\n', encoding="utf-8")
    return {"path": str(path)}


def _row(task: Task, question: Question, plan: Plan, answer: str, guess: Guess | None) -> LedgerRow:
    return LedgerRow(
        id=question.id,
        at=0.0,
        tenant="",
        task=task.name,
        model=task.top,
        text=question.text,
        answer=answer,
        rung="linear" if guess else task.top,
        ladder_release=plan.ladder_release,
        confidence=guess.confidence if guess else 1.0,
        top=guess is None,
        drawn=plan.drawn,
        latency_ms=LOW_MS if guess else TOP_MS,
        source="recorded",
    )


def run(seed: int, questions: int, task: Task) -> Run:
    """One seed from the first question to the last."""
    began = time.perf_counter()
    store = Store.open("sqlite://")
    with tempfile.TemporaryDirectory() as folder:
        replay = Replay(task, reviews(seed, questions), store, Path(folder), seed)
        replay.run()
        history = store.rollouts.history(task.name)
        store.close()
    lives = [change.rollout.live for change in history]
    since = replay.score[replay.promoted :] if replay.promoted is not None else []
    last = replay.score[-len(replay.score) // 4 :]
    return Run(
        seed=seed,
        promotions=sum(
            live is not None and live != old for old, live in zip([None, *lives], lives, strict=False)
        ),
        roll_backs=sum(
            old is not None and live is None for old, live in zip([None, *lives], lives, strict=False)
        ),
        since=len(since),
        avoided=1 - mean(calls for _, calls in since) if since else 0.0,
        agreement=mean(agreed for agreed, _ in since) if since else 1.0,
        last_avoided=1 - mean(calls for _, calls in last),
        last_agreement=mean(agreed for agreed, _ in last),
        seconds=round(time.perf_counter() - began, 2),
    )


def main() -> None:
    """Run the seeds and write the results after every ten of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument(
        "--first", type=int, default=0, help="the first seed, to share the seeds between processes"
    )
    parser.add_argument(
        "--join", type=Path, nargs="*", default=[], help="earlier JSON results to join with these"
    )
    parser.add_argument("--questions", type=int, default=14_000)
    parser.add_argument("--target", type=float, default=0.90)
    parser.add_argument("--risk", type=float, default=0.1)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args()
    task = demo_task(options.target, options.risk)
    runs = [
        Run(**one) for path in options.join for one in json.loads(path.read_text(encoding="utf-8"))["each"]
    ]
    for seed in range(options.first, options.first + options.seeds):
        runs.append(run(seed, options.questions, task))
        print(runs[-1], flush=True)
        if len(runs) % 10 == 0:
            write(runs, options)
    write(runs, options)


def write(runs: list[Run], options: argparse.Namespace) -> None:
    """The results so far, as JSON and as a page."""
    broken = sum(one.agreement < options.target for one in runs)
    pvalue = binomial_test_greater(broken, len(runs), options.risk)
    upper = clopper_pearson_upper(broken, len(runs), 0.05)
    options.out.mkdir(exist_ok=True)
    figures = {
        "runs": len(runs),
        "questions": options.questions,
        "target": options.target,
        "risk": options.risk,
        "violations": broken,
        "p_value": pvalue,
        "upper_95": upper,
        "each": [asdict(one) for one in runs],
    }
    (options.out / "demo_promise.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    rows = [
        ("avoided since the first promotion", [one.avoided for one in runs]),
        ("agreement since the first promotion", [one.agreement for one in runs]),
        ("avoided in the last quarter", [one.last_avoided for one in runs]),
        ("agreement in the last quarter", [one.last_agreement for one in runs]),
    ]
    spread = "\n".join(_line(name, values) for name, values in rows)
    each = sorted(one.seconds for one in runs)[len(runs) // 2]
    page = f"""# The demo's promise over {len(runs)} seeds

`python benchmarks/demo_promise.py --seeds {len(runs)} --questions {options.questions}` on 2 cores;
{options.questions:,} reviews a run, target {options.target}, risk {options.risk}, median {each:.1f} s a run.

Broken in **{broken} of {len(runs)}** runs ({broken / len(runs):.1%}); one-sided binomial test of "more often than
{options.risk:.0%}": p = {pvalue:.3f}; 95 % upper bound {upper:.1%}. Promotions a run:
{mean(one.promotions for one in runs):.2f}, roll backs: {mean(one.roll_backs for one in runs):.2f}.
(Reshuffles of one file are not independent of one another.)

| figure | mean ± sd | least | most |
|---|---|---|---|
{spread}
"""
    (options.out / "demo_promise.md").write_text(page, encoding="utf-8")


def _line(name: str, values: Sequence[float]) -> str:
    spread = stdev(values) if len(values) > 1 else 0.0
    return f"| {name} | {mean(values):.3f} ± {spread:.3f} | {min(values):.3f} | {max(values):.3f} |"


if __name__ == "__main__":
    main()
