"""Log lines and crash reports without callers' data: an exception's message may quote anything that it stumbled over."""

import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from stepladder.privacy import Kind, block, find, redact
from stepladder.safety import without_secrets

_KINDS = frozenset(Kind) - {Kind.ADDRESS, Kind.IP_ADDRESS, Kind.MAC_ADDRESS, Kind.PERSON, Kind.BIRTH_DATE}
"""What identifies a person by itself; addresses of machines are what a log is for, and names are half of what it says."""


def clean(text: str) -> str:
    """A text with every secret, and every number and address that names a person, as its kind in brackets."""
    text = without_secrets(text)
    return redact(text, find(text, _KINDS), block)


class _Records:
    """Makes log records whose message and traceback are cleaned once, for whichever handler writes them."""

    def __init__(self, make: Any) -> None:
        self.make = make

    def __call__(self, *args: Any, **more: Any) -> logging.LogRecord:
        record: logging.LogRecord = self.make(*args, **more)
        try:
            said = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a wrong call of the logger: the handler will say so
            return record
        if (cleaned := clean(said)) != said:
            record.msg, record.args = cleaned, ()
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = clean("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return record


def clean_logs() -> None:
    """From here on this process logs, and ends by an error nobody foresaw, without callers' data."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, _Records):
        logging.setLogRecordFactory(_Records(make))
    sys.excepthook = _report
    threading.excepthook = lambda args: _report(args.exc_type, args.exc_value, args.exc_traceback)


def _report(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if kind is not SystemExit:  # a thread's; the main thread's never comes here
        sys.stderr.write(clean("".join(traceback.format_exception(kind, error, trace))))
