"""What llama.cpp answers from a GGUF file to rows that a folder's model was asked (`weighing`), in the same tokens."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from stepladder.core import DataError
from stepladder.models import BlockingLlama

Tokens = Sequence[int]


class Asked:
    """A GGUF file, `adapters` laid over it, that says which tokens it thinks likeliest next. Close it."""

    def __init__(self, file: Path, adapters: Sequence[Path], context: int) -> None:
        self._file = file
        self._llama = BlockingLlama(file, file.name, context=context, adapters=adapters)
        # An end of the answer would come without probabilities, so a letter is made to come: those told are still the
        # model's own.
        self._letter = json.loads(self._llama.ask("/tokenize", {"content": "A"})[1])["tokens"][0]

    def next(self, tokens: Tokens, count: int, *, again: bool = False) -> tuple[dict[int, float], float]:
        """Log-probabilities of the `count` likeliest tokens after these, and the seconds it took. Raises DataError.

        `again`: what was read of the same tokens before need not be read again.
        """
        body = {
            "prompt": list(tokens),
            "n_predict": 1,
            "n_probs": count,
            "temperature": 0,
            "logit_bias": [[self._letter, 1000.0]],
            "cache_prompt": again,
        }
        began = perf_counter()
        status, reply = self._llama.ask("/completion", body)
        seconds = perf_counter() - began
        if status != 200:
            raise DataError(
                f"llama.cpp cannot answer from {self._file} ({status}).", remedy="Convert it again."
            )
        top = json.loads(reply)["completion_probabilities"][0]["top_logprobs"]
        return {int(each["id"]): float(each["logprob"]) for each in top}, seconds

    def memory(self) -> int:
        """The most bytes that llama.cpp's process has held; 0 where the system does not tell."""
        return self._llama.memory()

    def close(self) -> None:
        """End llama.cpp's process."""
        self._llama.close()


def weigh_gguf(
    file: Path, adapters: Sequence[Path], before: Mapping[str, Any], tokenizer: Path
) -> dict[str, Any]:
    """The likeliest token at each place of the wanted answers, the time to read one, and memory: as `weighing` tells it.

    `before` is what was told of the folder that the file was made of, whose tokeniser.json is `tokenizer`.
    """
    from tokenizers import Tokenizer

    words = Tokenizer.from_file(str(tokenizer))
    longest = max(len(told) + len(answer) for told, answer in before["tokens"])
    asked = Asked(file, adapters, longest + 64)
    answers, seconds = [], []
    try:
        asked.next(before["tokens"][0][0], 2)  # the first one also loads the file
        for told, answer in before["tokens"]:
            last, took = asked.next([*told, *answer[:-1]], 2)
            seconds.append(took)
            said = [
                _likeliest(asked.next([*told, *answer[:k]], 2, again=True)[0]) for k in range(len(answer) - 1)
            ]
            answers.append(" ".join(str(words.id_to_token(id)) for id in [*said, _likeliest(last)]))
        memory = asked.memory()
    finally:
        asked.close()
    return {"answers": answers, "wanted": before["wanted"], "seconds": seconds, "memory": memory}


def _likeliest(odds: Mapping[int, float]) -> int:
    return max(odds, key=odds.__getitem__)
