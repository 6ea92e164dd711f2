"""Asking in bulk: once a question, within the money, at a rate; votes and how far they can be trusted."""

import asyncio
import json
from collections import Counter

import pytest

from stepladder.core import Answer, RungFailed, Task, UpstreamFailed, Usage
from stepladder.data import BulkLabelling, Journal, RowFile, Teacher, Terms

TASK = Task("mood", "teacher", prompt="Good or bad?", labels=("good", "bad"))
QUICK = {"pause": 0.001}


def quiet(done, total, what):
    pass


class Rung:
    """Answers by a function of the text and of how often it was asked; counts what it was asked."""

    release = ""

    def __init__(self, name, say):
        self.name, self._say = name, say
        self.asked: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.ids = set()

    async def answer(self, question):
        self.asked[question.text] += 1
        self.ids.add(question.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            said = self._say(question.text, self.asked[question.text])
        finally:
            self.at_once -= 1
        yield Answer(said, 1.0, self.name, usage=Usage(10, 1), cost=0.01)


def teacher(rung):
    return Teacher(rung.name, rung, lambda usage: (usage.prompt_tokens + usage.completion_tokens) * 1e-4)


def label(folder, rows, rungs, terms=None):
    """Label rows; returns (result, output rows, review rows)."""
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    with RowFile(path) as file, Journal(folder / "journal") as journal:
        work = BulkLabelling(file, TASK, [teacher(rung) for rung in rungs], journal, terms or Terms(**QUICK))
        asked = asyncio.run(work.run(quiet))
        found = work.write(folder / "out.jsonl", folder / "review.jsonl", asked)
    out, review = (
        [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        for name in ("out.jsonl", "review.jsonl")
    )
    return found, out, review


def always(said):
    return lambda text, times: said


ROWS = [{"input": f"row {n}", "n": n} for n in range(40)]


def test_every_row_is_asked_once_and_equal_ones_together(tmp_path):
    rung = Rung("a", lambda text, times: "good" if text.endswith("1") else "bad")
    found, out, review = label(tmp_path, [*ROWS, ROWS[3], ROWS[11]], [rung])
    assert set(rung.asked.values()) == {1}
    assert len(rung.ids) == 40
    assert [row["answer"] for row in out] == [
        "good" if row["input"].endswith("1") else "bad" for row in [*ROWS, ROWS[3], ROWS[11]]
    ]
    assert [row["n"] for row in out[:40]] == list(range(40))
    assert (found.labelled, review, found.whole) == (42, [], True)
    assert found.spent == pytest.approx(0.4)
    again, _, _ = label(tmp_path, [*ROWS, {"input": "new", "n": 1}], [rung])
    assert sum(rung.asked.values()) == 41
    assert again.asked.asked == 1


def test_another_contract_is_another_question(tmp_path):
    rung = Rung("a", always("good"))
    label(tmp_path, ROWS[:3], [rung])
    label(tmp_path, [{**row, "fields": {"age": 3}} for row in ROWS[:3]], [rung])
    assert set(rung.asked.values()) == {2}


def test_failures_are_tried_again_with_the_same_id(tmp_path):
    def flaky(text, times):
        if times < 3:
            raise UpstreamFailed("a", "a is down.")
        return "good"

    rung = Rung("a", flaky)
    found, out, _ = label(tmp_path, ROWS[:5], [rung])
    assert len(out) == 5
    assert set(rung.asked.values()) == {3}
    assert len(rung.ids) == 5
    assert found.whole


def test_what_fails_to_the_end_is_asked_next_time(tmp_path):
    rung = Rung("a", lambda text, times: "good" if times > 2 or text != "row 1" else fail())

    def fail():
        raise UpstreamFailed("a", "a is down.")

    found, out, review = label(tmp_path, ROWS[:5], [rung], Terms(retries=1, **QUICK))
    assert (found.asked.failed, len(out), found.unanswered, found.whole) == (1, 4, 1, False)
    assert review[0]["trouble"] == "not asked yet"
    found, out, _ = label(tmp_path, ROWS[:5], [rung])
    assert (found.asked.asked, len(out)) == (1, 5)


def test_a_server_that_refuses_us_stops_the_run(tmp_path):
    def refuse(text, times):
        raise UpstreamFailed("a", "a refuses the key.", retryable=False, upstream_status=401)

    rung = Rung("a", refuse)
    with pytest.raises(UpstreamFailed, match="refuses the key"):
        label(tmp_path, ROWS, [rung], Terms(at_once=2, **QUICK))
    assert sum(rung.asked.values()) <= 2


def test_an_answer_outside_the_contract_is_paid_once_and_goes_to_review(tmp_path):
    def outside(text, times):
        if text == "row 2":
            error = RungFailed("a", "outside the label set")
            error.cost = 0.07
            raise error
        return "good"

    rung = Rung("a", outside)
    for _ in range(2):
        found, out, review = label(tmp_path, ROWS[:4], [rung])
        assert (len(out), [row["trouble"] for row in review]) == (3, ["outside the label set"])
        assert found.spent == pytest.approx(0.1)
    assert rung.asked["row 2"] == 1


@pytest.mark.parametrize("at_once", [1, 7, 40])
def test_the_budget_is_never_passed_and_more_money_goes_on(tmp_path, at_once):
    rung = Rung("a", always("good"))
    found, out, _ = label(tmp_path, ROWS, [rung], Terms(budget=0.15, at_once=at_once, **QUICK))
    assert found.asked.stopped
    assert 0 < found.spent <= 0.15
    assert rung.most_at_once <= at_once
    found, out, _ = label(tmp_path, ROWS, [rung], Terms(budget=10.0, **QUICK))
    assert (len(out), set(rung.asked.values())) == (40, {1})


def test_what_is_in_doubt_counts_as_spent(tmp_path):
    rung = Rung("a", always("good"))
    label(tmp_path, ROWS[:1], [rung])
    with RowFile(tmp_path / "in.jsonl") as file, Journal(tmp_path / "journal") as journal:
        journal.known.doubtful["elsewhere"] = 0.5
        work = BulkLabelling(file, TASK, [teacher(rung)], journal, Terms(budget=0.5))
        assert work.estimate().doubtful == 1
    found, out, _ = label(tmp_path, ROWS[:3], [rung], Terms(budget=0.02, **QUICK))
    assert (found.asked.stopped, len(out)) == (True, 1)


def test_calls_begin_no_faster_than_the_rate(tmp_path):
    rung = Rung("a", always("good"))
    began = asyncio.run(_now())
    label(tmp_path, ROWS[:6], [rung], Terms(per_minute=1200, at_once=6, **QUICK))
    assert asyncio.run(_now()) - began >= 5 * 0.05


async def _now():
    return asyncio.get_running_loop().time()


def test_three_teachers_vote_and_ties_go_to_review(tmp_path):
    rungs = [
        Rung("a", always("good")),
        Rung("b", lambda text, times: "good" if text < "row 2" else "bad"),
        Rung("c", always("bad")),
    ]
    rows = [{"input": f"row {n}", "gold": "good"} for n in range(4)]
    found, out, _ = label(tmp_path, rows, rungs)
    assert [row["answer"] for row in out] == ["good", "good", "bad", "bad"]
    assert out[0]["teachers"] == {"a": "good", "b": "good", "c": "bad"}
    figures = found.consistency.figures()
    assert figures["gold"]["a"] == {"agrees": 4, "of": 4}
    assert figures["gold"]["b"] == {"agrees": 2, "of": 4}
    assert figures["vote"]["b"] == {"agrees": 4, "of": 4}
    assert {tuple(pair["teachers"]): pair["agrees"] for pair in figures["pairs"]} == {
        ("a", "b"): 2,
        ("a", "c"): 0,
        ("b", "c"): 2,
    }
    (tmp_path / "two").mkdir()
    found, out, review = label(tmp_path / "two", rows, rungs[::2])
    assert (out, len(review), found.undecided) == ([], 4, 4)
    assert review[0]["trouble"] == "no majority"


def test_rows_asked_twice_show_how_far_a_teacher_agrees_with_itself(tmp_path):
    rung = Rung("a", lambda text, times: "good" if times == 1 or text != "row 5" else "bad")
    found, out, _ = label(tmp_path, ROWS, [rung], Terms(twice=1.0, at_once=1, **QUICK))
    assert found.consistency.figures()["itself"]["a"] == {"agrees": 39, "of": 40}
    assert {row["answer"] for row in out} == {"good"}
    assert sum(rung.asked.values()) == 80


def test_the_estimate_is_near_and_counts_only_what_is_ahead(tmp_path):
    rung = Rung("a", always("good"))
    label(tmp_path, ROWS[:10], [rung])
    with RowFile(tmp_path / "in.jsonl") as file, Journal(tmp_path / "journal") as journal:
        assert BulkLabelling(file, TASK, [teacher(rung)], journal, Terms()).estimate().calls == 0
        assert (
            BulkLabelling(file, TASK, [teacher(Rung("b", always("good")))], journal, Terms()).estimate().calls
            == 10
        )
