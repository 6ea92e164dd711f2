"""Advice says what a problem is, and gives reasons on both sides."""

import pytest

from stepladder.core import Example
from stepladder.data import Fit, Problem, advise, recognise, traits_described, traits_of


@pytest.mark.parametrize(
    ("description", "problem"),
    [
        ("Decide which of 12 departments a customer's e-mail belongs to", Problem.CLASSIFICATION),
        ("我们要把客户邮件分类到12个部门", Problem.CLASSIFICATION),
        ("Extract invoice number and amount from e-mails as structured JSON", Problem.EXTRACTION),
        ("从合同里提取甲方、乙方和金额字段", Problem.EXTRACTION),
        ("Answer employees' questions from our handbook and documents", Problem.ANSWERS),
        ("根据公司制度文档和知识库回答员工的问题", Problem.ANSWERS),
        ("Summarise meeting notes and draft a reply", Problem.PROSE),
        ("把会议记录写成摘要，并翻译成英文", Problem.PROSE),
        ("", Problem.PROSE),
    ],
)
def test_a_description_tells_the_problem(description, problem):
    assert traits_described(description).problem == problem


def test_a_description_tells_how_many_labels():
    assert traits_described("route to one of 12 departments").labels == 12
    assert traits_described("分成 8 类").labels == 8


def examples(labels, text="question number {n} about things", count=400):
    return [Example(str(n), text.format(n=n), labels[n % len(labels)]) for n in range(count)]


def fits(traits):
    return {line.rung: line.fit for line in advise(traits)}


def test_labels_fit_linear_and_repetition_fits_the_dictionary():
    rows = examples(["a", "b"])
    kind = recognise([row.label for row in rows])
    traits = traits_of(kind, rows)
    assert fits(traits)["linear"] is Fit.YES
    assert fits(traits)["dictionary"] is Fit.MAYBE
    assert fits(traits_of(kind, examples(["a", "b"], text="always the same")))["dictionary"] is Fit.YES
    assert fits(traits)["trees"] is fits(traits)["tagger"] is Fit.NO


def test_spans_fit_the_tagger_and_fields_fit_trees():
    rows = [
        Example(str(n), f"from Oslo to Rome on day {n}", '{"to": "Rome", "from": "Oslo"}') for n in range(60)
    ]
    traits = traits_of(recognise([row.label for row in rows]), rows)
    assert traits.verbatim == 1.0
    assert fits(traits)["tagger"] is Fit.YES
    with_fields = [Example(str(n), "x", "ab"[n % 2], fields={"age": n}) for n in range(60)]
    assert fits(traits_of(recognise([row.label for row in with_fields]), with_fields))["trees"] is Fit.YES


def test_every_advice_gives_a_reason():
    for problem in ("classify mail", "extract fields as json", "write a poem", "estimate the price"):
        for line in advise(traits_described(problem)):
            assert line.reasons or line.against, line.rung
