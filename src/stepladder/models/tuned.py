"""The `lora` and `sft` rungs: a small language model that was tuned for one task, answering with a label, or a code for it.

It runs in llama.cpp's process (see `llama`), which starts with the first question and ends with the model. Each question is
asked in the very words of the training: the messages are made by the same function, and the template is the model's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError, Guess, MissingExtra, Question, Task, UpstreamFailed
from stepladder.models.artefact import usable
from stepladder.models.codes import code_odds, code_request
from stepladder.models.contract import prompt_for
from stepladder.models.llama_blocking import BlockingLlama
from stepladder.models.llama_whole import whole
from stepladder.models.look import softmax
from stepladder.models.off_loop import OffLoopRung

FORMAT = 1
"""Version of the artefact; a folder of another version is refused."""

WEIGHTS = "model.gguf"
_LEAST = 1e-9  # a probability below is as good as none, and has a logarithm


class Coded(msgspec.Struct, frozen=True):
    """`model.json`: the task's `prompt`, what is written for each label (`codes`) and its first `token`, and the calibration.

    Logits are `slope` * log-probability + `offsets`. A question has at most `context` tokens.
    """

    format: int
    kind: str
    prompt: str
    labels: list[str]
    codes: list[str]
    tokens: list[int]
    slope: float
    offsets: list[float]
    context: int

    def messages(self, text: str) -> list[dict[str, str]]:
        """What the model is asked, in training and in service."""
        whole_characters = text.encode("utf-8", "replace").decode("utf-8")
        return prompt_for(Task("", top="", prompt=self.prompt), Question("", "", whole_characters))


@dataclass(frozen=True, slots=True)
class LabelChance:
    """A label, and how likely the model finds it."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class TunedModel:
    """A GGUF file, how it is asked, and its process."""

    coded: Coded
    llama: BlockingLlama

    @classmethod
    def load(cls, folder: Path, *, threads: int = 0) -> Self:
        """Read the artefact; nothing is started. Raises DataError, MissingExtra."""
        with usable(folder, "tuned"):
            coded = msgspec.json.decode((folder / "model.json").read_bytes(), type=Coded)
            if coded.format != FORMAT:
                raise DataError(f"{folder}: tuned model of another format.", remedy="Fit it again.")
            with (folder / WEIGHTS).open("rb") as file:
                if file.read(4) != b"GGUF":
                    raise ValueError(f"{WEIGHTS} is no GGUF file")
        if find_spec("xllamacpp") is None:
            raise MissingExtra("A tuned language model", "local")
        return cls(coded, BlockingLlama(folder / WEIGHTS, coded.kind, context=coded.context, threads=threads))

    def close(self) -> None:
        """End the process; asking again starts it anew."""
        self.llama.close()

    def predict(self, texts: Sequence[str]) -> list[Guess]:
        """The most probable label of each text; a text that is too long has a confidence of 0. Raises RungFailed."""
        guesses = []
        for text in texts:
            logs = self.log_odds(text)
            if logs is None:
                guesses.append(Guess(self.coded.labels[0], 0.0))
                continue
            chances = softmax(self.coded.slope * logs[None] + np.array(self.coded.offsets))[0]
            best = int(chances.argmax())
            guesses.append(Guess(self.coded.labels[best], float(chances[best])))
        return guesses

    def explain(self, text: str, limit: int = 5) -> list[LabelChance]:
        """The likeliest labels; of a text that is too long, none. Raises RungFailed."""
        logs = self.log_odds(text)
        if logs is None:
            return []
        chances = softmax(self.coded.slope * logs[None] + np.array(self.coded.offsets))[0]
        order = np.argsort(-chances, kind="stable")[:limit]
        return [LabelChance(self.coded.labels[k], float(chances[k])) for k in order]

    def log_odds(self, text: str) -> NDArray[np.float64] | None:
        """The log-probability of each label (labels,), not calibrated; None for a text that is too long."""
        asked = code_request(self.coded.messages(text), self.coded.tokens)
        status, reply = self.llama.ask("/v1/chat/completions", {**asked, "stream": True})
        if status == 400 and b"exceed_context_size_error" in reply:
            return None
        if status != 200:
            raise UpstreamFailed(self.coded.kind, f"llama.cpp refused a question ({status}).")
        chunks = [line[6:] for line in reply.splitlines() if line.startswith(b"data: {")]
        odds = code_odds(whole(self.coded.kind, chunks), self.coded.tokens)
        if not odds:
            raise UpstreamFailed(self.coded.kind, "llama.cpp gave no probabilities for the labels.")
        return np.log(np.maximum(odds, _LEAST))


class TunedRung(OffLoopRung[TunedModel]):
    """A tuned language model as a rung of a ladder."""

    __slots__ = ()

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Self:
        """Open the model in a release's folder. Raises DataError, MissingExtra."""
        return cls(name, release, TunedModel.load(folder))
