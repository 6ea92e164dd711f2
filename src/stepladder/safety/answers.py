"""A task's answer on its way out: deltas and the whole answer, cleared by guards, and restored for the asker."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

import msgspec

from stepladder.core import Answer, Blocked, Delta, Grounds, Part, Piece, json_texts
from stepladder.privacy import Vault
from stepladder.safety.judging import Judgement
from stepladder.safety.outgoing import Outgoing, Stopped, stopped

Instead = Callable[[Judgement, str], str]
"""What is said in place of an answer that is withheld; the second is as much of it as had come."""
CutOff = Callable[[str, str], AsyncGenerator[Part | Piece]]
"""An answer that says the first text, whose rung had said the second when it was stopped."""
FILTERED = "content_filter"
_KEY = "answer"


async def clear_answer(
    out: Outgoing, parts: AsyncGenerator[Part | Piece], instead: Instead, cut_off: CutOff
) -> AsyncGenerator[Part | Piece]:
    """The parts as they may leave; an answer that is stopped ends with the finish reason `content_filter`."""
    sent, seen = "", ""
    try:
        async for part in parts:
            if isinstance(part, Answer):
                async for last in _last(out, part, sent, instead):
                    yield last
            elif isinstance(part, Delta):
                seen += part.text
                free = await _free(out, part.text, seen)
                sent += free
                if free:
                    yield Delta(free)
    except (Stopped, Blocked) as error:
        said = instead(stopped(error), seen)
        async for refused in cut_off(sent or said, seen):
            yield refused


async def _free(out: Outgoing, text: str, seen: str) -> str:
    """What of a stream may leave now."""
    if out.buffers:
        return ""
    await out.grown(seen)
    return out.streamed.feed(_KEY, text)


async def _last(out: Outgoing, answer: Answer, sent: str, instead: Instead) -> AsyncGenerator[Part]:
    """What is left of a stream, and the whole answer."""
    await out.observe(answer.text)
    try:
        text = await out.text(answer.text)
        answer = _stood_on(answer, out.piece)
        left = out.streamed.finish(_KEY) if sent else ""
    except (Stopped, Blocked) as error:
        said = instead(stopped(error), answer.text)
        text, left = sent or said, ""
        answer = replace(answer, finish_reason=FILTERED, grounds=None)
    if left:
        yield Delta(left)
    yield replace(answer, text=text) if text != answer.text else answer


def _stood_on(answer: Answer, change: Callable[[str], str]) -> Answer:
    """What the answer stands on says the same as the answer."""
    if answer.grounds is None:
        return answer
    told = json_texts.changed(msgspec.to_builtins(answer.grounds), lambda text, name: change(text))
    return replace(answer, grounds=msgspec.convert(told, Grounds))


async def restore_answer(vault: Vault, parts: AsyncGenerator[Part | Piece]) -> AsyncGenerator[Part | Piece]:
    """The parts with what placeholders stand for; a stream holds back no more than what may become a placeholder."""
    restorer, begun = vault.restorer(), False
    async for part in parts:
        if isinstance(part, Delta):
            free = restorer.feed(part.text)
            if free:
                begun = True
                yield Delta(free)
        elif isinstance(part, Answer):
            left = restorer.finish() if begun else ""
            if left:
                yield Delta(left)
            yield replace(_stood_on(part, vault.restore), text=vault.restore(part.text))
        else:
            yield part
