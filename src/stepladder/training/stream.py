"""A student that learns while it serves: it sees every text, and the top's answer to some.

Three linear models over the same tf-idf rows are added into one: machines over words; machines over naive Bayes ratios
that also learn from the student's own confident answers (self-training); and least squares in the directions in which
the texts seen so far vary (see `latent`). The last two are what unlabelled texts are worth: much with few labels,
little with many. Where texts are short and an embedding model is there, least squares over its vectors is added: what
others have read is worth even more. Document frequencies run along: nothing is fitted on a text that has not come yet.

It refits whenever the labels have grown by a quarter, so that all fits together cost a few times the last. What it said
to a question before the answer was known calibrates its confidence: no label is spent on that.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stepladder.training.confidence import Calibration, calibrate
from stepladder.training.dual import Floats, Machines, Rows, solve
from stepladder.training.latent import directions, least_squares, project
from stepladder.training.seen import Buckets, Features, SeenTexts, without_bias

Scores = NDArray[np.float64]

_SAMPLE = 500  # texts that tell the spread of a model's scores
_PAIRS = 60  # answers known, before a calibration is fitted to them
_EPOCHS = 12
_RIDGE = 3.0  # of a text's squared length, once centred


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How a stream's student learns.

    A fit is due when the labels are `growth` times those of the last one, from `first` on. `rank` directions (0: none)
    are found over the `vocabulary` commonest n-grams. `own` is what a confident answer of its own weighs against one of
    the top's (0: no self-training), `surest` the share of them that is used, at most `most_own` a label. `embedded` is
    what the model over vectors counts against each of the others. `memory` texts are kept.
    """

    first: int = 20
    growth: float = 1.25
    rank: int = 100
    vocabulary: int = 30_000
    own: float = 0.2
    surest: float = 0.6
    most_own: int = 6
    embedded: float = 4.0
    memory: int = 20_000
    bits: int = 20


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """One fit over `features`: weights (width, columns), the models' sum, each of unit spread.

    `dense` (dimensions + 1, columns) weighs a text's vector, and a bias last.
    """

    classes: int
    features: Features
    weights: Floats
    dense: Floats | None = None

    def scores(self, buckets: Buckets, vector: Floats | None = None) -> Scores:
        """A score for each class, shape (classes,); of two classes, the first stands at 0."""
        columns, values = self.features.row(buckets)
        found = (values @ self.weights.take(columns, axis=0)).astype(np.float64)
        if self.dense is not None and vector is not None:
            found += vector @ self.dense[:-1] + self.dense[-1]
        return np.array((0.0, found[0])) if self.classes == 2 else found


class StreamStudent:
    """Sees each text once, in the stream's order; says what it thinks of it; is told the top's answer, or not.

    `settings.first` labels of two or more classes have to come before it has an opinion. Not thread-safe.
    """

    def __init__(
        self,
        settings: StreamSettings | None = None,
        *,
        seed: int = 0,
        embed: Callable[[str], Floats] | None = None,
    ) -> None:
        self.settings = settings or StreamSettings()
        self.classes: list[str] = []
        self._rng = np.random.default_rng(seed)
        self._seen = SeenTexts(self.settings.bits, self.settings.memory, embed)
        self._told, self._due = 0, self.settings.first
        self._fit: _Fit | None = None
        self._basis: tuple[NDArray[np.int64], Floats, int] | None = None  # buckets, directions, texts then
        self._pairs: deque[tuple[Scores, int]] = deque(maxlen=1000)  # said before the answer was known
        self._calibration: Calibration | None = None
        self._said: tuple[int, Scores] | None = None

    def see(self, text: str) -> int:
        """Take in the next text and return its number."""
        return self._seen.add(text)

    def probabilities(self, number: int) -> Scores | None:
        """What the student thinks of a text, shape (classes,) in the order of `classes`; None: nothing yet."""
        if self._fit is None:
            return None
        scores = self._scores(self._fit, number)
        self._said = (number, scores)
        calibration = self._calibration or Calibration(1.0, np.zeros(scores.size), 0.0)
        chances = calibration.probabilities(scores[None])[0]
        # A class that has come up since the last fit has no weights yet.
        return np.append(chances, np.zeros(len(self.classes) - chances.size))

    def learn(self, number: int, label: str) -> None:
        """Take in the top's answer to a text; refit where that is due."""
        if label not in self.classes:
            self.classes.append(label)
        known = self.classes.index(label)
        if self._said is not None and self._said[0] == number and known < self._said[1].size:
            self._pairs.append((self._said[1], known))
        self._seen.labels[number] = known
        self._told += 1
        if self._told >= self._due and len(self.classes) > 1:
            self._refit()
            self._due = max(self._told + 1, int(self._told * self.settings.growth))

    def _scores(self, fit: _Fit, number: int) -> Scores:
        return fit.scores(self._seen.buckets(number), self._seen.vectors.get(number))

    def _refit(self) -> None:
        known = np.array(sorted(self._seen.labels), np.int64)
        features = self._seen.features()
        rows = features.rows([self._seen.buckets(number) for number in known])
        labels = np.array([self._seen.labels[number] for number in known])
        fit = _Fit(len(self.classes), features, np.zeros((features.width, self._columns), np.float32))
        recent = self._seen.numbers()[-_SAMPLE:]
        sample = features.rows([self._seen.buckets(number) for number in recent])
        everyone = np.ones(labels.size, np.float32)
        models = [self._machines(rows, labels, everyone, None), self._latent(features, known, labels)]
        fit = replace(fit, dense=self._embedded(known, labels, recent))
        first = replace(fit, weights=_summed(models, sample))
        models.append(self._ratios(features, known, labels, first))
        if self._fit is not None and self._fit.classes != fit.classes:
            self._pairs.clear()  # scores of another length
        self._fit = replace(fit, weights=_summed(models, sample))
        if len(self._pairs) >= _PAIRS:
            said = np.stack([scores for scores, _ in self._pairs])
            self._calibration = calibrate(said, np.array([label for _, label in self._pairs]))
        else:
            self._calibration = None

    @property
    def _columns(self) -> int:
        return 1 if len(self.classes) == 2 else len(self.classes)

    def _signs(self, labels: NDArray[np.int64]) -> Floats:
        wanted = np.array([1]) if self._columns == 1 else np.arange(self._columns)
        return np.where(labels[:, None] == wanted, 1, -1).astype(np.float32)

    def _machines(
        self, rows: Rows, labels: NDArray[np.int64], weights: Floats, scale: Floats | None
    ) -> Floats:
        signs = self._signs(labels)
        cost = np.repeat(weights[:, None], signs.shape[1], axis=1)
        return solve(rows, Machines(signs, cost, scale), self._rng, epochs=_EPOCHS).weights

    def _ratios(
        self, features: Features, known: NDArray[np.int64], labels: NDArray[np.int64], first: _Fit
    ) -> Floats:
        """Machines over naive Bayes log-count ratios, of the top's answers and the surest of its own."""
        numbers, weights = known, np.ones(known.size, np.float32)
        others = np.setdiff1d(self._seen.numbers(), known)[-self.settings.most_own * known.size :]
        if self.settings.own and others.size >= known.size // 4:
            scores = np.stack([self._scores(first, number) for number in others])
            ranked = np.sort(scores, axis=1)
            margin = ranked[:, -1] - ranked[:, -2]
            sure = margin > np.quantile(margin, 1 - self.settings.surest)
            numbers = np.concatenate((known, others[sure]))
            labels = np.concatenate((labels, scores[sure].argmax(axis=1)))
            weights = np.append(weights, np.full(int(sure.sum()), self.settings.own, np.float32))
        rows = features.rows([self._seen.buckets(number) for number in numbers])
        return self._machines(rows, labels, weights, _log_ratios(rows, self._signs(labels), weights))

    def _embedded(
        self, known: NDArray[np.int64], labels: NDArray[np.int64], recent: NDArray[np.int64]
    ) -> Floats | None:
        """Least squares over the texts' vectors, centred; None where there are none."""
        vectors = self._seen.vectors
        if not vectors or not self.settings.embedded:
            return None
        sample = np.stack([vectors[number] for number in recent])
        middle = sample.mean(axis=0)
        inputs = np.stack([vectors[number] for number in known]) - middle
        ridge = _RIDGE * float((sample - middle).var(axis=0).sum())
        found = least_squares(inputs, self._signs(labels), np.ones(known.size, np.float32), ridge)
        found[-1] -= middle @ found[:-1]
        spread = max(float((sample @ found[:-1]).std()), 1e-9)
        return found * np.float32(self.settings.embedded / spread)

    def _latent(self, features: Features, known: NDArray[np.int64], labels: NDArray[np.int64]) -> Floats:
        """Least squares in the directions that all texts seen so far vary in."""
        weights = np.zeros((features.width, self._columns), np.float32)
        rank = min(self.settings.rank, self._seen.count // 2)
        if rank < 1:
            return weights
        used, basis = self._directions(rank)
        common = Features(np.zeros_like(features.place), np.zeros(used.size + 1, np.float32), used)
        common.place[used] = np.arange(1, used.size + 1)
        common.idf[1:] = features.idf[features.place[used]]
        rows = common.rows([self._seen.buckets(number) for number in known])
        inputs = project(without_bias(rows), basis)
        ones = np.ones(known.size, np.float32)
        found = least_squares(inputs, self._signs(labels), ones, ridge=0.1)
        weights[features.place[used]] = (basis @ found[:-1])[1:]
        weights[0] = found[-1]
        return weights

    def _directions(self, rank: int) -> tuple[NDArray[np.int64], Floats]:
        """The directions over the commonest n-grams, found again when the texts have grown by half."""
        if self._basis is not None and self._seen.count < 1.5 * self._basis[2]:
            return self._basis[0], self._basis[1]
        common = self._seen.features(self.settings.vocabulary)
        start = self._rng.standard_normal((common.width, rank)).astype(np.float32)
        passes = 3
        if self._basis is not None:
            place = np.append(0, common.place[self._basis[0]])
            kept = np.flatnonzero(place)
            start[:, : self._basis[1].shape[1]] *= 0.01
            start[place[kept], : self._basis[1].shape[1]] += self._basis[1][kept]
            passes = 2
        rows = common.rows([self._seen.buckets(number) for number in self._seen.numbers()])
        basis = directions(without_bias(rows), start, passes=passes)
        self._basis = (common.used, basis, self._seen.count)
        return common.used, basis


def _log_ratios(rows: Rows, signs: Floats, weights: Floats) -> Floats:
    """Naive Bayes log-count ratios (width, columns), each row counting by its weight; the bias keeps its scale."""
    lengths = np.diff(rows.ends, prepend=0)
    ratios = []
    for sign in signs.T:
        inside = 1 + np.bincount(rows.columns, np.repeat(weights * (sign > 0), lengths), rows.width)
        outside = 1 + np.bincount(rows.columns, np.repeat(weights * (sign < 0), lengths), rows.width)
        ratio = np.log(inside / inside[1:].sum()) - np.log(outside / outside[1:].sum())
        ratio[0] = 1
        ratios.append(ratio)
    return np.stack(ratios, axis=1).astype(np.float32)


def _summed(models: Sequence[Floats], sample: Rows) -> Floats:
    """The sum of models (width, columns), each brought to unit spread over `sample`."""
    total = np.zeros_like(models[0])
    for weights in models:
        spread = float(project(sample, weights).std())
        if spread > 1e-9:
            total += weights / np.float32(spread)
    return total
