"""The guard against attacks on the model: injection, jailbreaks, coaxing, extraction, steering, also in code.

A trained classifier gives a score; where a rule fires, the square of the threshold is enough. What is written in code is
decoded and judged too, and so is the conversation as a whole: an attack that comes in small steps is seen in their sum.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from stepladder.core import Action, Side, Turn, Verdict, config
from stepladder.safety.classifier import Classifier, shipped
from stepladder.safety.closer import Closer, Rungs, Scorer, look_of
from stepladder.safety.conversation import together
from stepladder.safety.decode import views
from stepladder.safety.shape import Literals

_RULES = re.compile(
    r"\b(?:ignor\w*|disregard\w*|forget|override|bypass)\b.{0,24}\b(?:previous(?:ly)?|prior|above|earlier|your|all|any|initial)\b.{0,24}"
    r"\b(?:instruction\w*|rules?|prompts?|guidelines?|directions?|orders?|polic\w+|restrictions?|programming)\b"
    r"|\b(?:reveal|show|print|repeat|output|display|leak|tell me)\b.{0,20}\b(?:your|the|initial|hidden)\b.{0,16}"
    r"\b(?:system prompt|system message|initial prompt|initial instructions|instructions above|secret word)\b"
    r"|\bdo anything now\b|\b(?:DAN|developer|jailbreak|god|debug|unrestricted) mode\b.{0,20}\b(?:on|enabled?|activated?)\b"
    r"|<\|?im_start\|?>|\[/?INST\]|</?(?:system|s)>"
    r"|\bgrand(?:mother|ma|father|pa)\b.{0,120}\b(?:keys?|codes?|serial|passwords?|napalm|activation)\b"
    r"|(?:忽略|无视|忘记|忘掉|抛开|不要遵守|别管).{0,8}(?:之前|以上|上面|前面|所有|你的|一切|系统).{0,8}(?:指令|指示|规则|提示|命令|限制|设定|要求)"
    r"|(?:输出|重复|告诉我|展示|打印|泄露|复述|公开).{0,10}(?:系统提示|初始指令|隐藏指令|提示词|系统消息|内部规则)"
    r"|(?:奶奶|外婆|祖母|姥姥|外公|爷爷).{0,60}(?:序列号|密钥|激活码|注册码|解锁码|产品密钥|密码|汽油弹|炸药)",
    re.IGNORECASE | re.DOTALL,
)
# Every match of a rule holds one of these in small letters; looking for them takes a tenth of the time.
_SIGNS = Literals(
    "ignor", "disregard", "forget", "override", "bypass", "system prompt", "system message", "initial prompt",
    "initial instructions", "instructions above", "secret word", "do anything now", " mode", "im_start", "inst]",
    "system>", "<s>", "</s>", "grand", "忽略", "无视", "忘记", "忘掉", "抛开", "不要遵守", "别管", "系统提示", "初始指令",
    "隐藏指令", "提示词", "系统消息", "内部规则", "奶奶", "外婆", "祖母", "姥姥", "外公", "爷爷",
)  # fmt: skip


def ruled(text: str) -> bool:
    """Whether a rule fires."""
    # The pattern takes a dotless i and a long s for their letters, and so must the look.
    lower = text.lower() if text.isascii() else text.casefold().replace("ı", "i")
    return _SIGNS.within(lower) and _RULES.search(text) is not None


@dataclass(frozen=True, slots=True)
class AttacksSettings:
    """`threshold` None takes the one that was set in training; a higher one flags less. `closer`: see `Closer`."""

    action: Action = Action.BLOCK
    threshold: float | None = None
    closer: Closer = Closer.ENFORCED
    side: Side = Side.IN


class AttacksGuard:
    """Judges what goes in; `window` is None, because an attack is seen in a whole text."""

    window = None
    quick = True

    def __init__(
        self, name: str, settings: AttacksSettings | None = None, model: Classifier | None = None
    ) -> None:
        settings = settings or AttacksSettings()
        self.name = name
        self.side = settings.side
        self._action = settings.action
        self._model = model or shipped("attacks")
        self._threshold = settings.threshold
        self.closer = settings.closer
        self._rungs = Rungs(self._model, look_of("attacks", settings.closer) if model is None else None)

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """Open with a configuration's settings. Raises ConfigError naming the key."""
        return cls(name, config.settings(settings, AttacksSettings, f"guards.{name}"))

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Judge the text, what it says in code, and the conversation that it ends, by n-grams alone."""
        return self._judged(text, turns, self._rungs.quick)

    def closely(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """The same, and by meaning where n-grams leave doubt: what `check` calls unsure. Raises RungFailed."""
        return self._judged(text, turns, self._rungs.close)

    def _judged(self, text: str, turns: Sequence[Turn], look: Scorer) -> Verdict:
        first, unsure = 0.0, False
        for number, (way, view) in enumerate(self._ways(text, turns)):
            score, doubt = look(view)
            unsure = unsure or doubt
            enough = self._model.threshold(view) if self._threshold is None else self._threshold
            if score >= enough or (score >= enough**2 and ruled(view)):
                kinds = dict.fromkeys((self._model.category(view), way))
                categories = tuple(kind for kind in kinds if kind)
                why = f"looks like {' and '.join(categories)}"
                return Verdict(self._action, categories, score, reason=why, unsure=unsure)
            first = first if number else score
        return Verdict(score=first, unsure=unsure)

    def strain(self, text: str, turns: Sequence[Turn] = ()) -> float:
        """Return the highest threshold at which the text would be flagged, by n-grams alone: traffic is much to embed."""
        seen = ((view, self._rungs.quick(view)[0]) for _, view in self._ways(text, turns))
        return max(score**0.5 if ruled(view) else score for view, score in seen)

    @staticmethod
    def _ways(text: str, turns: Sequence[Turn]) -> list[tuple[str, str]]:
        ways = [("", text)]
        ways += [("encoded", view.text) for view in views(text)]
        if turns:
            ways.append(("multi_turn", together(turns, text)))
        return ways
