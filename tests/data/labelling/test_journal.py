"""The journal: what was paid for survives, torn lines do not, and two processes never share one."""

import pytest

from stepladder.core import DataError
from stepladder.data.labelling import Journal, Line


def test_answers_come_back_and_open_questions_are_in_doubt(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.write(Line("a", 0.5))
        journal.write(Line("a", 0.2, answer="yes"))
        journal.write(Line("b", 0.5))
        journal.write(Line("c", 0.1, refused="not a label"))
    with Journal(tmp_path / "j") as journal:
        assert {key: line.answer for key, line in journal.known.ended.items()} == {"a": "yes", "c": None}
        assert journal.known.doubtful == {"b": 0.5}
        assert journal.known.spent == pytest.approx(0.3)


def test_a_torn_last_line_is_cut_off_and_the_next_one_is_whole(tmp_path):
    with Journal(tmp_path / "j") as journal:
        journal.write(Line("a", 0.2, answer="是"))
    whole = (tmp_path / "j").read_bytes()
    for cut in range(1, len(whole)):
        (tmp_path / "j").write_bytes(whole + whole[:cut].removesuffix(b"\n"))
        with Journal(tmp_path / "j") as journal:
            journal.write(Line("b", 0.1, answer="no"))
        with Journal(tmp_path / "j") as journal:
            assert sorted(journal.known.ended) == ["a", "b"]


def test_a_broken_line_is_named(tmp_path):
    (tmp_path / "j").write_bytes(b'{"key":"a"}\nnonsense\n')
    with pytest.raises(DataError, match=":2 is no line"):
        Journal(tmp_path / "j")


def test_one_process_at_a_time(tmp_path):
    with Journal(tmp_path / "j"), pytest.raises(DataError, match="in use"):
        Journal(tmp_path / "j")
    Journal(tmp_path / "j").close()
