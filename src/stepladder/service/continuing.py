"""A question that goes on with a conversation: what was said before is put before it, as if the client had sent it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from stepladder.core import BadRequest, Turn
from stepladder.models import read_back
from stepladder.service.request import CHAT, ChatRequest
from stepladder.store import LedgerRow

_MOST_ID = 200
_SYSTEM = ("system", "developer")


class _Role(msgspec.Struct):
    role: str = ""


_ROLE = msgspec.json.Decoder(_Role)


def goes_on(request: ChatRequest) -> str | None:
    """The conversation that the request leaves to us to remember: it has an id, and nothing else but the new question.

    A client that sends what was said before is taken at its word. Raises BadRequest for an id that is none.
    """
    if request.route != CHAT or "stepladder" not in request.body:
        return None
    id = request.conversation()
    if id is None:
        return None
    if not id.strip() or len(id) > _MOST_ID or not id.isprintable():
        raise BadRequest(
            "stepladder.conversation is no name of 1 to 200 printable characters.",
            param="stepladder.conversation",
            remedy="Give each conversation an id of its own.",
        )
    return id if sum(_role(raw) not in _SYSTEM for raw in request.messages) == 1 else None


def going_on(request: ChatRequest, row: LedgerRow, most_turns: int, *, confidential: bool) -> ChatRequest:
    """The request with what was said up to and with the answer in `row` before its question, after its instructions.

    What follows something confidential is confidential.
    """
    said = [msgspec.Raw(msgspec.json.encode(message)) for message in spoken(row, most_turns)]
    head = [raw for raw in request.messages if _role(raw) in _SYSTEM]
    rest = [raw for raw in request.messages if _role(raw) not in _SYSTEM]
    messages = (*head, *said, *rest)
    whole = b"[" + b",".join(bytes(raw) for raw in messages) + b"]"
    return replace(
        request,
        body={**request.body, "messages": msgspec.Raw(whole)},
        messages=messages,
        data=request.data + b"\0" + whole,
        confidential=confidential,
    )


def spoken(row: LedgerRow, most_turns: int) -> list[dict[str, Any]]:
    """The messages of a conversation after a row: questions and answers, their words only, the last `most_turns` of each."""
    said = [turn for turn in row.turns if turn.role in ("user", "assistant") and turn.content]
    if not said or said[-1] != Turn("user", row.text):
        said.append(Turn("user", row.text))
    answer = read_back(row.answer)
    if answer.get("tool_calls"):  # nobody has told us what came of them
        said.pop()
    else:
        said.append(Turn("assistant", row.answer))
    messages = [
        {"role": turn.role, "content": read_back(turn.content).get("content") or turn.content}
        for turn in said
    ]
    kept = messages[-2 * most_turns :] if most_turns else []
    while kept and kept[0]["role"] != "user":
        kept.pop(0)
    return kept


def shown(rows: Sequence[LedgerRow]) -> list[dict[str, Any]]:
    """A conversation's answers, for who wants to have it."""
    return [
        {
            "request_id": row.id,
            "at": row.at,
            "model": row.task or row.model,
            "question": row.text,
            "answer": row.answer,
            "status": row.status,
        }
        for row in rows
    ]


def _role(raw: msgspec.Raw) -> str:
    try:
        return _ROLE.decode(raw).role
    except msgspec.DecodeError:
        return ""  # whoever reads the messages will say what is wrong
