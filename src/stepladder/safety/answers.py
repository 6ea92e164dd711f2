"""A task's answer on its way out: deltas and the whole answer, cleared by guards, and restored for the asker."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from stepladder.core import Answer, Blocked, Delta, Grounds, Part, Piece
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
        left = out.streamed.finish(_KEY) if sent else ""
    except (Stopped, Blocked) as error:
        said = instead(stopped(error), answer.text)
        text, left = sent or said, ""
        answer = replace(answer, finish_reason=FILTERED, grounds=None)
    if left:
        yield Delta(left)
    if answer.grounds is not None and (answer.grounds.citations or answer.grounds.unsupported):
        answer = replace(answer, grounds=await _cleared(out, answer.grounds))
    if answer.draft is not None:
        draft = await _allowed(out, answer.draft.text)
        answer = replace(answer, draft=replace(answer.draft, text=draft or text))
    yield replace(answer, text=text) if text != answer.text else answer


async def _cleared(out: Outgoing, grounds: Grounds) -> Grounds:
    """A cited sentence is judged as the answer is: what may not leave of it does not leave as its source either."""
    cited = [replace(one, text=await _allowed(out, one.text)) for one in grounds.citations]
    left = [await _allowed(out, sentence) for sentence in grounds.unsupported]
    return replace(grounds, citations=tuple(cited), unsupported=tuple(left))


async def _allowed(out: Outgoing, text: str) -> str:
    try:
        return await out.text(text)
    except (Stopped, Blocked):
        return ""


def _restored(answer: Answer, vault: Vault) -> Answer:
    """What the answer stands on says the same as the answer."""
    grounds = answer.grounds
    if grounds is not None:
        cited = tuple(replace(one, text=vault.restore(one.text)) for one in grounds.citations)
        grounds = replace(
            grounds, citations=cited, unsupported=tuple(map(vault.restore, grounds.unsupported))
        )
    return replace(answer, text=vault.restore(answer.text), grounds=grounds)


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
            yield _restored(part, vault)
        else:
            yield part
