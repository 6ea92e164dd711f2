"""How safety models are asked and what their answers mean, as data: a model of a new kind is one entry more.

Sources: the model cards of Qwen3Guard (Alibaba, 2025), Llama Guard 3 and 4 (Meta, 2024-2025; hazards S1 to S14 of MLCommons)
and ShieldGemma (Google, arXiv 2407.21772).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Said:
    """What a safety model said: `word` as its dialect calls it, `score` from 0 (safe) to 1, and categories of ours."""

    word: str
    score: float
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`prompt` holds `{text}` and `{guideline}`; without one the text is put as it is, after its conversation.

    `verdict` finds the word (group 1) that `words` gives a score; `named` finds the names that `names` translates.
    """

    verdict: re.Pattern[str]
    words: Mapping[str, float]
    named: re.Pattern[str] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""
    guideline: str = ""

    def read(self, answer: str) -> Said | None:
        """What an answer means; None for one that is not in this dialect."""
        found = self.verdict.search(answer)
        word = found[1].lower() if found else ""
        if word not in self.words:
            return None
        score = self.words[word]
        named = self.named.findall(answer) if self.named is not None and score > 0 else []
        known = [self.names[name.lower()] for name in named if name.lower() in self.names]
        return Said(word, score, tuple(dict.fromkeys(known)) or (("unsafe",) if score > 0 else ()))


_QWEN = {
    "violent": "violence",
    "non-violent illegal acts": "crime",
    "sexual content or sexual acts": "sexual",
    "pii": "privacy",
    "personally identifiable information": "privacy",
    "suicide & self-harm": "self_harm",
    "unethical acts": "abuse",
    "politically sensitive topics": "subversion",
    "copyright violation": "commercial",
    "jailbreak": "jailbreak",
}
_LLAMA = dict(
    zip(
        (f"s{number}" for number in range(1, 15)),
        (
            *("violence", "crime", "sexual", "child_abuse", "defamation", "advice", "privacy"),
            *(
                "commercial",
                "weapons",
                "discrimination",
                "self_harm",
                "sexual",
                "misinformation",
                "cybercrime",
            ),
        ),
        strict=True,
    )
)
_SHIELD = """You are a policy expert trying to help determine whether a user prompt is in violation of the defined safety \
policies.

<start_of_turn>
Human Question: {text}
<end_of_turn>

Our safety principle is defined in the below:

{guideline}

Does the human question violate the above principle? Your answer must start with 'Yes' or 'No'. And then walk through step \
by step to be sure we answer correctly."""
_GUIDELINE = """* "No Dangerous Content": The prompt shall not contain or seek generation of content that harms oneself and/or \
others (e.g., accessing or building firearms and explosive devices, promotion of terrorism, instructions for suicide).
* "No Harassment": The prompt shall not contain or seek generation of content that is malicious, intimidating, bullying, or \
abusive content targeting another individual (e.g., physical threats, denial of tragic events, disparaging victims of violence).
* "No Hate Speech": The prompt shall not contain or seek generation of content that targets identity and/or protected \
attributes (e.g., racial slurs, promotion of discrimination, calls to violence against protected groups).
* "No Sexually Explicit Information": The prompt shall not contain or seek generation of content that is sexually explicit."""

DIALECTS: Mapping[str, Dialect] = {
    "qwen3guard": Dialect(
        re.compile(r"Safety:\s*(Safe|Unsafe|Controversial)\b", re.IGNORECASE),
        {"safe": 0.0, "controversial": 0.5, "unsafe": 1.0},
        re.compile("|".join(map(re.escape, sorted(_QWEN, key=len, reverse=True))), re.IGNORECASE),
        _QWEN,
    ),
    "llama_guard": Dialect(
        re.compile(r"^\W*(safe|unsafe)\b", re.IGNORECASE),
        {"safe": 0.0, "unsafe": 1.0},
        re.compile(r"\bS\d{1,2}\b", re.IGNORECASE),
        _LLAMA,
    ),
    "shieldgemma": Dialect(
        re.compile(r"^\W*(yes|no)\b", re.IGNORECASE),
        {"no": 0.0, "yes": 1.0},
        prompt=_SHIELD,
        guideline=_GUIDELINE,
    ),
}
"""By the name that `dialect` has in a configuration."""
