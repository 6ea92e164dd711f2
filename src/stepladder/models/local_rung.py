"""A local model as the rung of a task: what it is asked, and how sure it is."""

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from itertools import product
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

from stepladder.core import Answer, Delta, Part, Question, RungFailed, Task, UpstreamFailed, Usage
from stepladder.models.llama import LlamaClient
from stepladder.models.llama_wire import Reply, Token, mean_probability

_MASS = 100.0
"""Added to the logit of every code: nothing else can come, and the odds among the codes stay the same."""

Body = dict[str, Any]


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
        """The probability of each label, summing to 1."""
        codes = await self._coded()
        listed = "\n".join(f"{code} = {label}" for code, label in codes.values())
        body = {
            "messages": self._messages(
                question, f"Answer with the code of one label and nothing else.\n{listed}"
            ),
            "max_tokens": 1,
            "logit_bias": [[token, _MASS] for token in codes],
            "samplers": ["top_k", "temperature"],
            "top_k": len(codes),
            "temperature": 1.0,
            "logprobs": True,
            "top_logprobs": len(codes),
            "post_sampling_probs": True,
        }
        reply = await self._ask(body)
        found = {item.id: item.prob for token in reply.tokens[:1] for item in token.top_probs}
        total = sum(found.get(token, 0.0) for token in codes)
        if total <= 0.0:
            raise UpstreamFailed(self.name, f"{self.name} gave no probabilities for the labels.")
        return {label: found.get(token, 0.0) / total for token, (_, label) in codes.items()}, reply.spent

    async def _label(self, question: Question, start: float) -> Answer:
        odds, usage = await self.odds(question)
        label = max(odds, key=odds.__getitem__)
        return self._said(label, odds[label], usage, start)

    async def _json(self, question: Question, start: float) -> Answer:
        ask = "Answer with one JSON value for this schema and nothing else.\n" + json.dumps(
            self._task.schema, ensure_ascii=False
        )
        reply = await self._ask(
            {
                "messages": self._messages(question, ask),
                "response_format": {"type": "json_schema", "json_schema": {"schema": self._task.schema}},
                "max_tokens": self._max_tokens,
                "temperature": 0,
                "logprobs": True,
            }
        )
        try:
            json.loads(reply.said)
        except ValueError as error:
            raise RungFailed(
                self.name,
                f"{self.name} did not finish its JSON in {self._max_tokens} tokens.",
                remedy="Raise its `max_tokens`.",
                retryable=False,
            ) from error
        return self._said(reply.said, mean_probability(reply.tokens), reply.spent, start)

    async def _text(self, question: Question, start: float) -> AsyncGenerator[Part, None]:
        body = {
            "messages": self._messages(question, ""),
            "max_tokens": self._max_tokens,
            "temperature": 0,
            "logprobs": True,
        }
        said: list[str] = []
        tokens: list[Token] = []
        usage, finish = Usage(), ""
        async with aclosing(self._client.stream(body)) as events:
            async for event in events:
                chunk = Reply.read(self.name, event)
                tokens += chunk.tokens
                finish = chunk.finish_reason or finish
                usage = chunk.spent if chunk.usage is not None else usage
                if chunk.said:
                    said.append(chunk.said)
                    yield Delta(chunk.said)
        if not finish:
            raise UpstreamFailed(self.name, f"{self.name} broke off in the middle of its answer.")
        yield self._said("".join(said), mean_probability(tokens), usage, start, finish)

    def _said(self, text: str, confidence: float, usage: Usage, start: float, finish: str = "stop") -> Answer:
        return Answer(
            text=text,
            confidence=min(1.0, confidence),
            rung=self.name,
            release=self.release,
            usage=usage,
            cost=self._cost(usage),
            latency_ms=(time.perf_counter() - start) * 1e3,
            finish_reason=finish,
        )

    async def _ask(self, body: Body) -> Reply:
        return Reply.read(self.name, await self._client.complete(body))

    async def _coded(self) -> Mapping[int, tuple[str, str]]:
        """Token -> (code, label). Only codes that this model reads as one token, no two as the same one."""
        if not self._codes:
            found: dict[int, str] = {}
            for code in _candidates():
                if len(found) == len(self._task.labels):
                    break
                tokens = await self._client.tokens(code)
                if len(tokens) == 1:
                    found.setdefault(tokens[0], code)
            if len(found) < len(self._task.labels):
                raise RungFailed(
                    self.name,
                    f"{self.name} has {len(found)} codes of one token for {len(self._task.labels)} labels.",
                    remedy="Use a model with a larger vocabulary, or group the labels.",
                    retryable=False,
                )
            self._codes = {
                token: (code, label)
                for (token, code), label in zip(found.items(), self._task.labels, strict=True)
            }
        return self._codes

    def _messages(self, question: Question, ask: str) -> list[dict[str, str]]:
        caller = question.system if self._task.caller_system else None
        system = "\n\n".join(part for part in (self._task.prompt, caller, ask) if part)
        fields = "\n".join(f"{key}: {value}" for key, value in question.fields.items() if value is not None)
        messages = [{"role": "system", "content": system}] if system else []
        messages += [{"role": turn.role, "content": turn.content} for turn in question.turns]
        text = f"{question.text}\n\n{fields}" if fields else question.text
        return [*messages, {"role": "user", "content": text}]


def _candidates() -> list[str]:
    """Codes to try: letters and digits, then pairs of capitals."""
    return [*ascii_uppercase, *ascii_lowercase, *digits, *map("".join, product(ascii_uppercase, repeat=2))]
