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
        ("Sort incoming mail into billing, technical and sales", Problem.CLASSIFICATION),
        ("Is this review positive or negative?", Problem.CLASSIFICATION),
        ("Assign a priority to each bug report", Problem.CLASSIFICATION),
        ("Flag messages that are toxic", Problem.CLASSIFICATION),
        ("我们要把客户的留言分成退款、物流、投诉三类", Problem.CLASSIFICATION),
        ("看一条评论是不是广告", Problem.CLASSIFICATION),
        ("把工单按紧急程度划分优先级", Problem.CLASSIFICATION),
        (
            "Tickets are sorted into one of eight queues, and we extract order number and date",
            Problem.EXTRACTION,
        ),
        ("把邮件分成三类，并提取订单号和日期", Problem.EXTRACTION),
        ("Write friendly product descriptions from bullet points", Problem.PROSE),
        ("给客户写一封道歉信", Problem.PROSE),
        ("Predict the price of a used car from age and mileage", Problem.NUMBER),
    ],
)
def test_a_description_tells_the_problem(description, problem):
    assert traits_described(description).problem == problem


def test_a_description_tells_how_many_labels():
    assert traits_described("route to one of 12 departments").labels == 12
    assert traits_described("分成 8 类").labels == 8
    assert traits_described("one of eight queues").labels == 8
    assert traits_described("退款、物流、投诉三类").labels == 3
    assert traits_described("一百二十个类别").labels is None  # not ten


def test_messages_and_languages_are_no_ages():
    assert not traits_described("classify messages by language").fields
    assert traits_described("decide whether a loan is granted, from age and amount").fields


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
