"""What kind of problem a task is, and which rungs fit it: rules of thumb with their reasons, for and against.

They are where to start, not a verdict: `stepladder backtest` measures. Thresholds are those of the project's own
learning curves and of its rungs' documentation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stepladder.core import Example
from stepladder.data.answers import AnswerKind, Kind, parsed
from stepladder.text import dictionary_key

_MANY_LABELS = 30
_FEW_ROWS = 300
_MANY_ROWS = 3000


class Problem(StrEnum):
    """The kinds of problem that the ladder knows."""

    CLASSIFICATION = "classification"
    EXTRACTION = "extraction"
    NUMBER = "estimation of a number"
    ANSWERS = "questions answered from documents"
    PROSE = "free text"


class Fit(StrEnum):
    """Whether a rung suits a problem."""

    YES = "fits"
    MAYBE = "perhaps"
    NO = "does not fit"


@dataclass(frozen=True, slots=True)
class Advice:
    """One rung, whether it fits, and why: reasons for it and against it."""

    rung: str
    fit: Fit
    reasons: tuple[str, ...]
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a task. None: not known, as for a plain description."""

    problem: Problem
    rows: int | None = None
    labels: int | None = None
    repeated: float | None = None
    verbatim: float | None = None
    characters: float | None = None
    fields: bool = False
    changing: bool = False


def traits_of(kind: AnswerKind, examples: Sequence[Example]) -> Traits:
    """Read the traits off examples. `repeated`: share of questions seen before; `verbatim`: of JSON values in the text."""
    keys = [dictionary_key(example.text) for example in examples]
    verbatim = _verbatim(examples) if kind.kind is Kind.JSON else None
    problem = {Kind.LABEL: Problem.CLASSIFICATION, Kind.JSON: Problem.EXTRACTION, Kind.NUMBER: Problem.NUMBER}
    return Traits(
        problem=problem.get(kind.kind, Problem.PROSE),
        rows=len(examples),
        labels=len(kind.labels) or None,
        repeated=1 - len(set(keys)) / len(keys) if keys else None,
        verbatim=verbatim,
        characters=sum(len(example.text) for example in examples) / len(examples) if examples else None,
        fields=any(example.fields for example in examples),
    )


def _verbatim(examples: Sequence[Example]) -> float:
    found = total = 0
    for example in examples:
        text = example.text.casefold()
        for value in _strings(parsed(example.label)):
            total += 1
            found += value.casefold() in text
    return found / total if total else 0.0


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, dict):
        return [text for item in value.values() for text in _strings(item)]
    return [text for item in value for text in _strings(item)] if isinstance(value, list) else []


_HINTS: tuple[tuple[Problem, str], ...] = (
    (
        Problem.EXTRACTION,
        r"extract|pull out|\bfind\b.{0,30}\b(?:names?|dates?|places|addresses|numbers|phones?)|parse"
        r"|fields? from|entit|slot|structured|json|抽取|提取|找出|读出|解析|实体|结构化|字段",
    ),
    (
        Problem.CLASSIFICATION,
        r"classif|categor|label|intent|route\b|routing|triage|sentiment|spam|which (?:of|department|team|queue)|detect|decide"
        r"|whether|moderat|tag\b|\bsort\w*\b.{0,60}\b(?:into|by|to)\b|\bassign|\bflag|priorit|urgen|one of|belongs? to"
        r"|yes or no|positive or|good or bad|toxic|phishing|fraud|\bpick (?:the|one)|\bchoose"
        r"|分类|类别|意图|情感|判断|识别|路由|是否|是不是|标签|审核|分派|归类|归到|归入"
        r"|分成|分为|划分|分给|属于|优先级|垃圾|钓鱼|欺诈|检测|好评|差评|正面|负面|[一二两三四五六七八九十几\d]\s*(?:大|小)?类",
    ),
    (
        Problem.NUMBER,
        r"estimate|how (?:long|much|many)\b|predict the (?:price|amount|number|time)|score|ra(?:te|nk) .* from \d"
        r"|forecast|估计|预测|打分|评分",
    ),
    (
        Problem.ANSWERS,
        r"manual|handbook|faq|knowledge ?base|documents?\b|documentation|polic(?:y|ies)|from our|"
        r"知识库|文档|手册|资料|制度|问答",
    ),
    (
        Problem.PROSE,
        r"summar|translat|write|draft|rewrite|reply|chat|generate|explain|摘要|总结|翻译|撰写|写|改写|回复|生成|聊天",
    ),
)
_FIELD_HINT = re.compile(
    r"\b(?:ages?|prices?|amounts?|customer data|columns?|tables?|numbers?|fields?|country|countries)\b"
    r"|年龄|金额|价格|表格|数值|历史记录",
    re.I,
)
_CHANGE_HINT = re.compile(r"\bchang|new products?|updates?|变化|更新|新品|上架|下架", re.I)
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {word: k for words in (_WORDS, "二三四五六七八九十") for k, word in enumerate(words, 2)} | {
    "两": 2
}
_COUNT_HINT = re.compile(
    rf"(\d+|\b(?:{'|'.join(word for word in _NUMBERS if word.isascii())})\b|(?<![一二三四五六七八九十])[两二三四五六七八九十])"
    r"\s*(?:个|种|类|大)?\s*(?:different\s+|possible\s+)?"
    r"(?:class|categor|intent|label|topic|department|team|queue|类|标签|意图|部门|主题)",
    re.I,
)


def traits_described(description: str) -> Traits:
    """Read the traits off a plain description, in English or Chinese. Prose, where nothing says otherwise."""
    scores = {problem: len(re.findall(pattern, description, re.I)) for problem, pattern in _HINTS}
    problem = max(scores, key=lambda known: scores[known]) if any(scores.values()) else Problem.PROSE
    if problem is Problem.CLASSIFICATION and scores[Problem.EXTRACTION]:
        problem = Problem.EXTRACTION  # JSON of both: a value from a closed set is one of its pieces
    count = _COUNT_HINT.search(description)
    return Traits(
        problem=problem,
        labels=_number(count[1]) if count else None,
        fields=bool(_FIELD_HINT.search(description)) and problem is not Problem.EXTRACTION,
        changing=bool(_CHANGE_HINT.search(description)),
    )


def _number(word: str) -> int:
    return _NUMBERS[word.casefold()] if word.casefold() in _NUMBERS else int(word)


def advise(traits: Traits) -> tuple[Advice, ...]:
    """One advice for each rung, cheapest first."""
    closed = traits.problem in (Problem.CLASSIFICATION, Problem.EXTRACTION)
    return (
        _dictionary(traits),
        _linear(traits),
        _neighbours(traits),
        _encoder(traits),
        _finetuned(traits),
        _trees(traits),
        _tagger(traits),
        Advice(
            "local",
            Fit.MAYBE if closed or traits.problem is Problem.PROSE else Fit.NO,
            (
                "a small LLM in process keeps the text on your machine",
                "tuned on the logged answers it can write prose",
            ),
            ("tens to hundreds of milliseconds an answer on a CPU",)
            + (() if closed else ("prose has no agreement promise: check it with a judge or a router",)),
        ),
        _few_shot(traits),
        _routed(traits),
        Advice(
            "chat (top)",
            Fit.YES,
            ("answers from the first day on, and labels for all the others",),
            ("cost, latency",),
        ),
    )


def _dictionary(traits: Traits) -> Advice:
    reasons = ["answers in microseconds", "an edit is in force at once"]
    against: list[str] = []
    if traits.repeated is not None:
        shown = f"{traits.repeated:.0%} of the questions have been asked before"
        (reasons if traits.repeated >= 0.05 else against).append(shown)
    if traits.changing:
        reasons.append("facts change often: an entry outranks every learnt rung")
    likely = traits.changing or (traits.repeated or 0) >= 0.05
    return Advice("dictionary", Fit.YES if likely else Fit.MAYBE, tuple(reasons), tuple(against))


def _linear(traits: Traits) -> Advice:
    if traits.problem is not Problem.CLASSIFICATION:
        why = "it chooses from a closed set of answers, which this is not"
        return Advice("linear", Fit.MAYBE if traits.problem is Problem.EXTRACTION else Fit.NO, (), (why,))
    reasons = ["about a tenth of a millisecond an answer", "trains in seconds on a CPU"]
    against: list[str] = []
    if traits.rows is not None and traits.labels:
        each = traits.rows / traits.labels
        (reasons if each >= 20 else against).append(f"{each:,.0f} examples a label ({traits.labels} labels)")
    elif traits.labels and traits.labels > _MANY_LABELS:
        against.append(f"{traits.labels} labels want thousands of examples")
    if (traits.characters or 0) > 400:
        reasons.append("long texts carry many words to learn from")
    return Advice("linear", Fit.YES, tuple(reasons), tuple(against))


def _neighbours(traits: Traits) -> Advice:
    if traits.problem is not Problem.CLASSIFICATION:
        return Advice(
            "neighbours", Fit.NO, (), ("it repeats a label of similar questions; here answers differ",)
        )
    few = (traits.rows is not None and traits.rows < _FEW_ROWS) or (traits.labels or 0) > _MANY_LABELS
    reasons = ("a new label works from a handful of examples, without training",)
    return Advice(
        "neighbours",
        Fit.YES if few or traits.changing else Fit.MAYBE,
        reasons,
        ("needs embeddings to be strong",),
    )


def _encoder(traits: Traits) -> Advice:
    if traits.problem is not Problem.CLASSIFICATION:
        return Advice("encoder", Fit.NO, (), ("its head chooses from a closed set of answers",))
    long = (traits.characters or 0) > 1500
    reasons = ("knows paraphrases that share no words",) + (
        ("few examples: pre-trained knowledge helps most here",) if (traits.rows or 0) < 1000 else ()
    )
    against = ("milliseconds, and more with the length of the text",) + (
        ("long texts are cut",) if long else ()
    )
    return Advice("encoder", Fit.MAYBE if long else Fit.YES, reasons, against)


def _finetuned(traits: Traits) -> Advice:
    if traits.problem is not Problem.CLASSIFICATION:
        return Advice("finetuned", Fit.NO, (), ("its head chooses from a closed set of answers",))
    against = ["wants an encoder in a folder, and torch to be fitted"]
    if traits.rows is not None and traits.rows < _MANY_ROWS:
        against.append(f"{traits.rows:,} examples: `encoder` does as well with so few")
    many = traits.rows is not None and traits.rows >= _MANY_ROWS
    return Advice(
        "finetuned",
        Fit.YES if many else Fit.MAYBE,
        ("every weight learns the task's own words and meanings", "served in 8 bit without torch"),
        tuple(against),
    )


def _few_shot(traits: Traits) -> Advice:
    if traits.problem is not Problem.CLASSIFICATION:
        return Advice("chat (few-shot)", Fit.NO, (), ("it answers with one of a task's labels",))
    few = traits.rows is None or traits.rows < _FEW_ROWS
    return Advice(
        "chat (few-shot)",
        Fit.YES if few else Fit.MAYBE,
        ("a small chat model shown the nearest examples: good from the first labels on, better with each",),
        ("a call of that model for each question",),
    )


def _routed(traits: Traits) -> Advice:
    if traits.problem not in (Problem.PROSE, Problem.ANSWERS):
        return Advice("routed", Fit.NO, (), ("answers can be compared: a certified rung is better",))
    return Advice(
        "routed",
        Fit.YES,
        (
            "a router sends to the large model what gains by it",
            "what the small one writes is checked, and sent up",
        ),
        ("no promise: it wants scores of both models on some hundred questions",),
    )


def _trees(traits: Traits) -> Advice:
    if traits.fields or traits.problem is Problem.NUMBER:
        why = "questions carry fields: numbers and categories belong here, not in a prompt"
        return Advice("trees", Fit.YES, (why,), ("sees text only through the other rungs' scores",))
    return Advice("trees", Fit.NO, (), ("the questions carry no fields",))


def _tagger(traits: Traits) -> Advice:
    if traits.problem is not Problem.EXTRACTION:
        return Advice("tagger", Fit.NO, (), ("there are no spans to mark",))
    if traits.verbatim is None:
        return Advice(
            "tagger",
            Fit.MAYBE,
            ("marks spans in the text",),
            ("values must stand in the text word for word",),
        )
    shown = f"{traits.verbatim:.0%} of the values stand in the question word for word"
    return Advice("tagger", Fit.YES if traits.verbatim >= 0.8 else Fit.MAYBE, (shown,), ())
