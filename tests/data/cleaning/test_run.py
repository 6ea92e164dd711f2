"""A file through the rules: nothing is lost, everything comes back, and a broken-off run goes on."""

import gzip
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core import DataError
from stepladder.data import (
    Act,
    Copies,
    Encoding,
    Guarded,
    Job,
    Length,
    Markup,
    Personal,
    Repetition,
    clean_file,
    restore,
)
from stepladder.data.cleaning import run
from stepladder.safety import SecretsGuard


def quiet(done, total, what):
    pass


def rules():
    return [Encoding(), Markup(), Length(2, 200), Repetition(), Personal(Act.MASK), Copies()]


def job(folder, source, **more):
    return Job(source, folder / "out.jsonl", folder / "gone.jsonl", rules(), **more)


LINES = [
    json.dumps({"input": "where is my card", "answer": "x"}),
    '{"input": "where is   my card", "n": 1.50}',
    "no json",
    "",
    '{"other": 1}',
    json.dumps({"input": "cafÃ© at ann@example.com", "answer": "<p>ok</p><p>fine</p>"}, ensure_ascii=False),
    json.dumps({"input": "ha" * 60}),
    json.dumps({"input": "退款在哪里"}, ensure_ascii=False),
]


def write(path, lines):
    path.write_bytes(b"\n".join(line.encode() for line in lines) + b"\n")
    return path


def test_rows_are_kept_changed_or_put_aside_with_the_reason(tmp_path):
    source = write(tmp_path / "in.jsonl", LINES)
    found = clean_file(job(tmp_path, source, also=("answer",)), quiet)
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["input"] for row in out] == ["where is my card", "café at ***@*******.***", "退款在哪里"]
    assert out[1]["answer"] == "ok\n\nfine"
    gone = [json.loads(line) for line in (tmp_path / "gone.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["line"], row["rules"]) for row in gone] == [
        (2, ["copy"]),
        (3, ["broken"]),
        (4, ["broken"]),
        (5, ["broken"]),
        (6, ["encoding", "html", "personal"]),
        (7, ["repetition"]),
    ]
    figures = found.figures()
    assert (figures["rows"], figures["kept"], figures["removed"]) == (8, 3, 5)
    assert figures["inventory"] == {"personal": {"email": 1}}
    assert figures["rules"]["encoding"]["changed"] == 1
    assert "ann@example.com" not in json.dumps(figures)


def test_untouched_rows_keep_their_bytes(tmp_path):
    source = write(tmp_path / "in.jsonl", ['{"input":  "a card", "n": 1.50, "u": "\\u9000"}'])
    clean_file(job(tmp_path, source), quiet)
    assert (tmp_path / "out.jsonl").read_bytes() == source.read_bytes()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(LINES).map(str.encode),
            st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"")),
        )
    )
)
def test_everything_comes_back_byte_for_byte(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("clean")
    source = folder / "in.jsonl"
    source.write_bytes(b"".join(line + b"\n" for line in lines))
    clean_file(job(folder, source, also=("answer",)), quiet)
    restore(folder / "out.jsonl", folder / "gone.jsonl", folder / "back.jsonl")
    assert (folder / "back.jsonl").read_bytes() == source.read_bytes()


def test_one_rule_alone_is_undone_in_place(tmp_path):
    source = write(tmp_path / "in.jsonl", LINES)
    clean_file(job(tmp_path, source), quiet)
    rows, back = restore(tmp_path / "out.jsonl", tmp_path / "gone.jsonl", tmp_path / "back.jsonl", ["copy"])
    assert (rows, back) == (4, 1)
    assert (tmp_path / "back.jsonl").read_text(encoding="utf-8").splitlines()[:2] == LINES[:2]
    with pytest.raises(DataError, match="perplexity"):
        restore(tmp_path / "out.jsonl", tmp_path / "gone.jsonl", tmp_path / "x.jsonl", ["perplexity"])
    assert not (tmp_path / "x.jsonl").exists()


def test_files_of_two_runs_are_refused(tmp_path):
    source = write(tmp_path / "in.jsonl", LINES)
    clean_file(job(tmp_path, source), quiet)
    (tmp_path / "out.jsonl").write_text("")
    with pytest.raises(DataError, match="not of one run"):
        restore(tmp_path / "out.jsonl", tmp_path / "gone.jsonl", tmp_path / "back.jsonl")


class Stopped(Exception):
    """A kill, at a place that a test chooses."""


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("torn", [False, True])
def test_a_run_that_was_killed_goes_on_and_ends_the_same(tmp_path, monkeypatch, packed, torn):
    lines = [
        json.dumps({"input": f"row number {n % 900} of a file", "answer": f"<p>{n}</p><p>b</p>"})
        for n in range(3000)
    ]
    source = write(tmp_path / "in.jsonl", lines)
    if packed:
        with gzip.open(tmp_path / "in.jsonl.gz", "wb") as file:
            file.write(source.read_bytes())
        source = tmp_path / "in.jsonl.gz"
    whole = tmp_path / "whole"
    whole.mkdir()
    expected = clean_file(job(whole, source, also=("answer",)), quiet).figures()
    monkeypatch.setattr(run, "_SAVED_SECONDS", -1.0)
    for stop in (2, 3):
        calls = iter(range(100))

        def stopping(done, total, what, calls=calls, stop=stop):
            if next(calls) + 1 == stop:
                raise Stopped

        with pytest.raises(Stopped):
            clean_file(job(tmp_path, source, also=("answer",)), stopping)
        if torn:  # what was written after the last saved point
            with (tmp_path / "out.jsonl.part").open("ab") as file:
                file.write(b'{"half')
    found = clean_file(job(tmp_path, source, also=("answer",)), quiet)
    assert found.resumed_at == 5 * 512
    assert {**found.figures(), "seconds": 0, "resumed_at": 0} == {**expected, "seconds": 0}
    for name in ("out.jsonl", "gone.jsonl"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob("*.progress"))


def test_another_input_starts_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_SAVED_SECONDS", -1.0)
    source = write(tmp_path / "in.jsonl", LINES)

    def stop(done, total, what):
        raise Stopped

    with pytest.raises(Stopped):
        clean_file(job(tmp_path, source), stop)
    write(source, LINES[:1])
    assert clean_file(job(tmp_path, source), quiet).figures()["rows"] == 1


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"missing\.jsonl"):
        clean_file(job(tmp_path, tmp_path / "missing.jsonl"), quiet)


def test_card_numbers_and_keys_planted_in_training_data_are_counted_and_masked(tmp_path):
    draw = random.Random(2)
    planted = []
    rows = []
    for n in range(400):
        row = {"input": f"question number {n} about an order", "answer": f"answer number {n}"}
        if n % 4 == 0:
            what = card(draw) if n % 8 else "AKIA" + "".join(draw.choices("ABCDEFGHIJKLMNOP234567", k=16))
            planted.append(what)
            place = ("input", "answer")[n // 8 % 2]
            said = "my card is" if n % 3 else "我的卡号是"
            row[place] += f", {said if n % 8 else 'key'} {what}"
        rows.append(row)
    source = write(tmp_path / "in.jsonl", [json.dumps(row, ensure_ascii=False) for row in rows])
    watching = [Personal(Act.MASK), Guarded("secrets", SecretsGuard("secrets"), Act.MASK)]
    found = clean_file(
        Job(source, tmp_path / "out.jsonl", tmp_path / "gone.jsonl", watching), quiet
    ).figures()
    assert found["kept"] == 400
    assert found["inventory"]["personal"]["bank_card"] == 50
    assert found["inventory"]["secrets"]["aws_key"] == 50
    left = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert [what for what in planted if what in left] == []


def card(draw):
    """A number of 16 digits whose check digit is right (Luhn)."""
    digits = [4, *(draw.randrange(10) for _ in range(14))]
    doubled = [sum(divmod(2 * digit, 10)) if at % 2 == 0 else digit for at, digit in enumerate(digits)]
    return "".join(map(str, [*digits, -sum(doubled) % 10]))


def test_every_text_of_a_row_is_watched_and_its_provenance_left_alone(tmp_path):
    row = {
        "input": "please help me with this",
        "answer": "of course",
        "system": "You serve Ann: ann@example.com",
        "turns": [{"role": "user", "content": "card 4111 1111 1111 1111"}],
        "source": "ann@example.com.csv:1",
    }
    source = write(tmp_path / "in.jsonl", [json.dumps(row)])
    found = clean_file(job(tmp_path, source), quiet)
    assert found.counts.inventory["personal"]["email"] == 1
    assert found.counts.inventory["personal"]["bank_card"] == 1
    assert found.counts.rules["personal"].changed == 1
    kept = json.loads((tmp_path / "out.jsonl").read_text())
    assert "4111 1111 1111 1111" not in kept["turns"][0]["content"]
    assert "ann@example.com" not in kept["system"]
    assert (kept["source"], kept["input"], kept["turns"][0]["role"]) == (row["source"], row["input"], "user")
    restore(tmp_path / "out.jsonl", tmp_path / "gone.jsonl", tmp_path / "back.jsonl")
    assert (tmp_path / "back.jsonl").read_bytes() == source.read_bytes()


def test_the_inventory_knows_what_stood_in_rows_that_went_for_another_reason(tmp_path):
    texts = ["my card 4111 1111 1111 1111, " * 40, "x", "AKIAIOSFODNN7EXAMPLE " * 40]
    source = write(tmp_path / "in.jsonl", [json.dumps({"input": text}) for text in texts])
    watching = [Length(2), Repetition(), Personal(Act.MASK), Guarded("secrets", SecretsGuard("secrets"))]
    found = clean_file(Job(source, tmp_path / "out.jsonl", tmp_path / "gone.jsonl", watching), quiet)
    assert found.counts.inventory["personal"]["bank_card"] == 40
    assert found.counts.inventory["secrets"]["aws_key"] > 0
    assert found.counts.kept == 0
    assert (found.counts.rules["repetition"].removed, found.counts.rules["personal"].changed) == (2, 0)
