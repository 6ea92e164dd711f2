"""Story two: a task takes one step down the ladder.

gather -> clean -> freeze -> fit -> judge -> admit -> calibrate -> certify -> canary -> promote, watched all the way. A
tick takes the one step that is due and writes down where the task then stands: a kill costs one step at most.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from stepladder import data, evaluation, rollout, training
from stepladder.core import ConfigError, DataError, MissingExtra, Mode, RungFailed, Task
from stepladder.promise import LadderPromise
from stepladder.registry import Registry
from stepladder.rollout import Standing, Step
from stepladder.store import RolloutConflict, Store


@dataclass(frozen=True, slots=True)
class Flywheel:
    """`tops` maps tasks to the fingerprints of their top rungs; `report` is told (task, stage, done, total, what)."""

    store: Store
    registry: Registry
    tops: Mapping[str, str]
    report: Callable[[str, str, int, int, str], None]
    outlook: Callable[[Task], evaluation.Outlook] = evaluation.stream

    def tick(self, task: Task) -> Standing:
        """Take back what must go, take the step that is due, if one is, and say where the task stands."""
        before = Standing.load(self.store, task)
        mode = self.store.switches.get(task.name) or task.mode
        try:
            data.judge_feedback(self.store, task)
            standing = rollout.watch(self.store, task, self.tops[task.name], before)
            standing = standing if mode is Mode.TOP else self._step(task, mode, standing)
        except (ConfigError, DataError, MissingExtra, RungFailed) as error:
            standing = rollout.wait_for_more(self.store, task, before, str(error))
        except RolloutConflict:  # a person was quicker: look again at the next tick
            return before
        self.report(task.name, standing.step, standing.done, standing.total, standing.note)
        return standing if standing == before else standing.save(self.store, task)

    def _step(self, task: Task, mode: Mode, standing: Standing) -> Standing:
        match standing.step:
            case Step.GATHER:
                return rollout.next_turn(self.store, task, mode, standing)
            case Step.FIT:
                return self._fit(task, standing)
            case Step.CALIBRATE:
                return rollout.wait_for_calibration(self.store, task, standing)
            case Step.CERTIFY:
                return self._certify(task, mode, standing)
            case Step.CANARY:
                return rollout.try_candidate(self.store, task, mode, standing)

    def _fit(self, task: Task, standing: Standing) -> Standing:
        rows = self.store.ledger.labelled(task.name, after=standing.since, until=standing.frozen)
        outlook = self.outlook(task)
        dataset = data.training_set(task, rows, rollout.earlier(self.registry, task, standing), outlook.texts)
        progress = partial(self.report, task.name, standing.step)
        with TemporaryDirectory(prefix="stepladder-") as name:
            fitted = training.fit(task, dataset, Path(name), progress, self.store.runs)
            judgement = evaluation.judge(task, dataset, fitted, outlook, number=standing.number + 1)
            if not evaluation.worth_more(self.store, task, judgement):
                return standing.again(f"Not worth a certificate: {judgement}.", standing.due)
            releases = training.admit(self.registry, dataset, Path(name), fitted, task)
        return rollout.calibrate(self.store, task, standing, releases, judgement)

    def _certify(self, task: Task, mode: Mode, standing: Standing) -> Standing:
        rungs = training.load_rungs(self.registry, standing.releases)
        rows = rollout.calibration_rows(self.store, task, standing)
        outlook = self.outlook(task)
        risk = outlook.risk(task.promise, standing.number)
        promise = LadderPromise(task.promise.target, risk, scope=outlook.scope)
        ladder = rollout.certify(task, standing, rungs, rows, promise)
        trouble = rollout.forgotten(task, ladder, rungs, rollout.earlier(self.registry, task, standing))
        return rollout.begin_canary(self.store, task, mode, standing, ladder, trouble)
