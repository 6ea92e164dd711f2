"""OpenAI's shapes, byte for byte: completions, chunks, server-sent events, errors, and our `x-stepladder-` headers."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from stepladder.core import Answer, Grounds, Held, Remark, StepladderError, TooMany, json_texts
from stepladder.service import Entry, TaskEntry

Headers = list[tuple[bytes, bytes]]

DONE = b"data: [DONE]\n\n"
JSON = (b"content-type", b"application/json")
EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))

REQUEST_ID = (b"x-request-id", b"request-id")
"""Where OpenAI's and Anthropic's clients look for the request id of an error."""
_IMPOSSIBLE = -9999.0  # as OpenAI has it: JSON knows no infinity

encode = msgspec.json.Encoder().encode


def event(data: Any) -> bytes:
    """One server-sent event holding JSON."""
    return b"data: " + encode(data) + b"\n\n"


def named_event(name: str, data: Any) -> bytes:
    """The same with an event name."""
    return b"event: " + name.encode() + b"\n" + event(data)


def error_body(error: StepladderError) -> dict[str, Any]:
    """OpenAI's error object: the message carries the remedy."""
    return {"error": {"message": str(error), "type": error.type, "param": error.param, "code": error.code}}


def held_body(held: Held) -> dict[str, Any]:
    """What waits for a person: where to ask, and until when."""
    return {
        "id": held.id,
        "object": "held",
        "status": "waiting",
        "message": held.message,
        "due": int(held.due),
        "url": f"/v1/held/{held.id}",
    }


def waiting(events: bytes, held: Held) -> bytes:
    """The end of a stream that has begun: the chunk with the finish reason says where to ask for what waits."""
    found = []
    for each in filter(None, events.split(b"\n\n")):
        chunk = msgspec.json.decode(each[6:]) if each.startswith(b"data: {") else {}
        if any(choice.get("finish_reason") for choice in chunk.get("choices") or ()):
            known = chunk.get("stepladder")
            told = {**(known if isinstance(known, dict) else {}), "held": held_body(held)}
            found.append(b"data: " + json_texts.encoded({**chunk, "stepladder": told}) + b"\n\n")
        else:
            found.append(each + b"\n\n")
    return b"".join(found)


def held_in(chunk: Mapping[str, Any], id: str) -> dict[str, Any]:
    """What of a chunk says so of the request `id`, for APIs of another shape; empty where nothing of it waits."""
    told = chunk.get("stepladder")
    held = told.get("held") if isinstance(told, dict) else None
    return {"stepladder": {"held": held}} if isinstance(held, dict) and held.get("id") == id else {}


def named(id: str) -> Headers:
    """The request id, where the SDKs look for it."""
    return [(name, id.encode()) for name in REQUEST_ID]


def come_back(error: StepladderError) -> Headers:
    """When to ask again, where the error knows: whole seconds and milliseconds, and whether clients should by themselves."""
    if error.retry_after is None:
        return []
    found = [
        (b"retry-after", str(max(math.ceil(error.retry_after), 1)).encode()),
        (b"retry-after-ms", str(max(math.ceil(error.retry_after * 1000), 1)).encode()),
    ]
    hopeless = isinstance(error, TooMany) and error.hopeless
    return [*found, (b"x-should-retry", b"false")] if hopeless else found


def headers(entry: Entry, answer: Answer | None = None) -> Headers:
    """What is known of the answer: the request id always, the rest once there is an answer."""
    found = [("request-id", entry.asked.id), ("arm", entry.arm)]
    if isinstance(entry, TaskEntry):
        found.append(("release", entry.plan.ladder_release))
        if covered := entry.served.coverage.get(entry.plan.ladder_release):
            found.append(("coverage", f"{covered:.4f}"))
    if entry.steps:
        found.append(("steps", entry.steps))
    if entry.hands is not None and entry.hands.used:
        found.append(("tools", ", ".join(map(str, entry.hands.used))))
    if entry.cached:
        found.append(("cache", "similar" if entry.similar else "hit"))
    if entry.remarks:
        found.append(("guard", ", ".join(dict.fromkeys(map(_remarked, entry.remarks)))))
    if answer is not None:
        found += [
            ("rung", answer.rung),
            ("confidence", f"{answer.confidence:.4f}"),
            ("cost", f"{answer.cost:.8f}"),
            ("source", answer.source),
            ("estimated", "tokens" if answer.usage.estimated else ""),
            ("overhead-ms", f"{entry.overhead_ms():.3f}"),
            ("below-promise", "true" if answer.below_promise else ""),
        ]
    return [(b"x-stepladder-" + name.encode(), value.encode()) for name, value in found if value]


def _remarked(remark: Remark) -> str:
    """ "in words block", or "in words observed"; categories are for the ledger."""
    return f"{remark.side} {remark.guard} {'observed' if remark.observed else remark.action}"


def completion(entry: TaskEntry, answer: Answer) -> bytes:
    """A task's answer as a chat completion."""
    return encode(
        {
            **_frame(entry, "chat.completion"),
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": answer.text,
                        "refusal": None,
                        "annotations": _annotations(answer),
                    },
                    "logprobs": _logprobs(entry, answer),
                    "finish_reason": answer.finish_reason,
                }
            ],
            "usage": _usage(answer),
            "stepladder": _facts(entry, answer),
        }
    )


def first_chunk(entry: TaskEntry) -> bytes:
    """The chunk that names the role."""
    return _chunk(entry, {"role": "assistant", "content": ""})


def text_chunk(entry: TaskEntry, text: str) -> bytes:
    """A chunk of content."""
    return _chunk(entry, {"content": text})


def whole_chunk(entry: TaskEntry, answer: Answer) -> bytes:
    """The chunk of an answer that comes in one piece."""
    return _chunk(entry, {"content": answer.text}, _logprobs(entry, answer))


def last_chunks(entry: TaskEntry, answer: Answer) -> Iterable[bytes]:
    """The chunk with the finish reason and our facts, then the usage chunk if it was asked for."""
    usage = entry.asked.request.wants_usage
    yield event(
        {
            **_frame(entry, "chat.completion.chunk"),
            "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": answer.finish_reason}],
            **({"usage": None} if usage else {}),
            "stepladder": _facts(entry, answer),
        }
    )
    if usage:
        yield event({**_frame(entry, "chat.completion.chunk"), "choices": [], "usage": _usage(answer)})


def _chunk(entry: TaskEntry, delta: dict[str, str], logprobs: dict[str, Any] | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": None}
    usage = {"usage": None} if entry.asked.request.wants_usage else {}
    return event({**_frame(entry, "chat.completion.chunk"), "choices": [choice], **usage})


def _logprobs(entry: TaskEntry, answer: Answer) -> dict[str, Any] | None:
    """The whole answer as one token, where it is asked for and the rung's confidence is a probability: of a fitted rung.

    The top, the owner's dictionary and documents are taken at their word.
    """
    wanted = entry.question.likely
    if wanted is None or not answer.release or answer.finish_reason != "stop":
        return None
    others = answer.likely[:wanted] or ((answer.text, answer.confidence),)[:wanted]
    told = {**_token(answer.text, answer.confidence), "top_logprobs": [_token(*one) for one in others]}
    return {"content": [told], "refusal": None}


def _token(text: str, probability: float) -> dict[str, Any]:
    logprob = math.log(probability) if probability > 0 else _IMPOSSIBLE
    return {"token": text, "logprob": logprob, "bytes": list(text.encode("utf-8", "surrogatepass"))}


def _frame(entry: TaskEntry, kind: str) -> dict[str, Any]:
    return {"id": entry.asked.id, "object": kind, "created": int(entry.asked.at), "model": entry.task}


def _usage(answer: Answer) -> dict[str, int]:
    usage = answer.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _facts(entry: TaskEntry, answer: Answer) -> dict[str, Any]:
    grounds = answer.grounds if entry.outcome != "held" else None  # a substitute stands on nothing
    return {
        "request_id": entry.asked.id,
        "rung": answer.rung,
        "release": answer.release,
        "ladder_release": entry.plan.ladder_release,
        "confidence": answer.confidence,
        "cost": answer.cost,
        "source": answer.source,
        "overhead_ms": round(entry.overhead_ms(), 3),
        **({"below_promise": True} if answer.below_promise else {}),
        **({"grounds": _shown(answer, grounds)} if grounds is not None else {}),
    }


def _shown(answer: Answer, grounds: Grounds) -> Grounds:
    """What was left out of an answer is for the ledger, and not for who asked."""
    said = tuple(sentence for sentence in grounds.unsupported if sentence in answer.text)
    return replace(grounds, unsupported=said)


def _annotations(answer: Answer) -> list[dict[str, Any]]:
    """Citations of web pages as OpenAI annotates them: the characters of the `[n]` that stand for each."""
    found = []
    for one in answer.grounds.citations if answer.grounds is not None else ():
        mark = f"[{one.number}]"
        at = answer.text.find(mark)
        if one.source.startswith(("https://", "http://")) and at >= 0:
            cited = {"start_index": at, "end_index": at + len(mark), "title": one.title, "url": one.source}
            found.append({"type": "url_citation", "url_citation": cited})
    return found
