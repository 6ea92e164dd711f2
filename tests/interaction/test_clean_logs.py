"""What the process says of itself, in log lines and when it dies, holds no caller's data."""

import logging
import sys
import threading

import pytest

from stepladder.interaction.chat import ChatCompletions
from stepladder.interaction.clean_logs import clean_logs
from tests.interaction.test_canaries import CANARIES, hidden


@pytest.fixture
def cleaned(monkeypatch):
    make = logging.getLogRecordFactory()
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    clean_logs()
    clean_logs()
    yield
    logging.setLogRecordFactory(make)


async def test_a_crash_in_the_middle_of_a_question_tells_where_but_not_what(
    cleaned, home, monkeypatch, caplog
):
    async def crash(*_):
        try:
            raise KeyError(" ".join(CANARIES))
        except KeyError as error:
            raise RuntimeError(f"cannot handle {CANARIES}") from error

    monkeypatch.setattr(ChatCompletions, "_admit", crash)
    response = await home.client.chat("hello")
    assert response.status == 500 and hidden(response.body.decode()) == []
    assert "RuntimeError: cannot handle" in caplog.text and "in crash" in caplog.text
    assert "KeyError" in caplog.text and "[EMAIL]" in caplog.text
    assert hidden(caplog.text) == []


def test_a_line_keeps_what_a_log_is_for(cleaned, caplog):
    log = logging.getLogger("stepladder.test")
    log.warning(
        "Worker %d listens on %s for %s; its key is %s.", 3, "127.0.0.1:8080", CANARIES[0], CANARIES[4]
    )
    assert caplog.records[0].getMessage() == (
        "Worker 3 listens on 127.0.0.1:8080 for [EMAIL]; its key is [OPENAI_KEY]."
    )
    wrong = logging.getLogRecordFactory()("x", logging.WARNING, "x.py", 1, "Not enough: %d %d", (1,), None)
    assert wrong.args == (1,), "what is wrong with this call is the handler's to say"


def test_a_process_that_dies_says_why_without_what(cleaned, capsys):
    try:
        raise ValueError(" | ".join(CANARIES))
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    thread = threading.Thread(target=lambda: {}[CANARIES[1]])
    thread.start()
    thread.join()
    said = capsys.readouterr().err
    assert "ValueError: [EMAIL]" in said and "KeyError" in said
    assert hidden(said) == []
