"""A local model as the rung of a task: what it is asked, and how sure it is."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from stepladder.core import Answer, Delta, Part, Question, RungFailed, Task, UpstreamFailed, Usage
from stepladder.models.codes import candidates, code_odds, code_request, with_codes
from stepladder.models.contract import parse_answer, prompt_for, response_format
from stepladder.models.llama import LlamaClient
from stepladder.models.logprobs import Token, mean_probability, tokens
from stepladder.models.wire import peek


class LocalRung:
    """Answers a task with a local model.

    Labels: each label gets a code of one token (A, B, ...), one token is written, and the confidence is the
    code's probability among the codes: it does not depend on how many tokens labels have or share.
    JSON: written under the task's schema. Text: written freely, and streamed. For both the confidence is the
    mean probability of a token (geometric, as it was before the schema): it ranks a little, uncalibrated.
    """

    release = ""

    def __init__(
        self,
        name: str,
        task: Task,
        client: LlamaClient,
        *,
        cost: Callable[[Usage], float],
        max_tokens: int,
    ) -> None:
        self.name = name
        self._task = task
        self._client = client
        self._cost = cost
        self._max_tokens = max_tokens
        self._codes: Mapping[int, tuple[str, str]] = {}

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """One Answer; for a task of free text its deltas first. Raises RungFailed."""
        start = time.perf_counter()
        if self._task.labels:
            yield await self._label(question, start)
        elif self._task.schema is not None:
            yield await self._json(question, start)
        else:
            async with aclosing(self._text(question, start)) as parts:
                async for part in parts:
                    yield part

    async def odds(self, question: Question) -> tuple[dict[str, float], Usage]:
        """The probability of each label, summing to 1, and the tokens spent. Raises RungFailed."""
        codes = await self._coded()
        messages = with_codes(self._task, question, codes.values())
        reply = await self._client.complete(code_request(messages, list(codes)))
        odds = code_odds(reply, list(codes))
        if not odds:
            raise UpstreamFailed(self.name, f"{self.name} gave no probabilities for the labels.")
        named = {label: chance for (_, label), chance in zip(codes.values(), odds, strict=True)}
        return named, peek(reply).used or Usage()

    async def _label(self, question: Question, start: float) -> Answer:
        odds, usage = await self.odds(question)
        label = max(odds, key=odds.__getitem__)
        return self._said(label, odds[label], usage, start)

    async def _json(self, question: Question, start: float) -> Answer:
        shape = {"response_format": response_format(self._task)}
        reply = await self._client.complete(self._free(question) | shape)
        seen = peek(reply)
        if seen.finish_reason == "length":
            raise RungFailed(
                self.name,
                f"{self.name} did not finish its JSON in {self._most(question)} tokens.",
                remedy="Raise its `max_tokens` or its `context`.",
                retryable=False,
            )
        text = parse_answer(self._task, seen.text, self.name)
        return self._said(text, mean_probability(tokens(reply)), seen.used or Usage(), start)

    async def _text(self, question: Question, start: float) -> AsyncGenerator[Part, None]:
        text, finish, usage = "", "", Usage()
        said: list[Token] = []
        async with aclosing(self._client.stream(self._free(question))) as chunks:
            async for chunk in chunks:
                seen = peek(chunk)
                said += tokens(chunk)
                finish = seen.finish_reason or finish
                usage = seen.used or usage
                text += seen.text
                if seen.text:
                    yield Delta(seen.text)
        if not finish:
            raise UpstreamFailed(self.name, f"{self.name} broke off in the middle of its answer.")
        answer = self._said(parse_answer(self._task, text, self.name), mean_probability(said), usage, start)
        yield replace(answer, finish_reason=finish)

    def _free(self, question: Question) -> dict[str, Any]:
        return {
            "messages": prompt_for(self._task, question),
            "max_tokens": self._most(question),
            "temperature": 0,
            "logprobs": True,
        }

    def _most(self, question: Question) -> int:
        """What a budget has reserved is not exceeded."""
        return min(self._max_tokens, question.most_tokens or self._max_tokens)

    def _said(self, text: str, confidence: float, usage: Usage, start: float) -> Answer:
        return Answer(
            text=text,
            confidence=min(1.0, confidence),
            rung=self.name,
            usage=usage,
            cost=self._cost(usage),
            latency_ms=(time.perf_counter() - start) * 1000,
        )

    async def _coded(self) -> Mapping[int, tuple[str, str]]:
        """Token -> (code, label). Only codes that this model reads as one token, no two as the same one."""
        if not self._codes:
            found: dict[int, str] = {}
            for code in candidates():
                if len(found) == len(self._task.labels):
                    break
                read = await self._client.tokens(code)
                if len(read) == 1:
                    found.setdefault(read[0], code)
            if len(found) < len(self._task.labels):
                raise RungFailed(
                    self.name,
                    f"{self.name} has {len(found)} codes of one token for {len(self._task.labels)} labels.",
                    remedy="Use a model with a larger vocabulary, or group the labels.",
                    retryable=False,
                )
            coded = zip(found.items(), self._task.labels, strict=True)
            self._codes = {token: (code, label) for (token, code), label in coded}
        return self._codes
