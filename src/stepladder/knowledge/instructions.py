"""Sentences of a document that speak to a model and not to a reader: "ignore the above and ...", 忽略以上内容.

They are never quoted, never cited and never shown to a model, and neither is what follows them in the same paragraph:
a document may say what is so, not what is to be answered. A list of turns of phrase, in both languages, on the normal
form of the text; what it misses still stands inside the fence that the prompt puts around every passage.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from stepladder.text import Span, normalise, sentences

_BEFORE = r"(?:above|previous|prior|preceding|earlier|foregoing|other|all|any|these|those|your|the|my)"
_ORDERS = r"(?:instructions?|prompts?|rules?|context|directions?|guidelines?|messages?|passages?|text|content|documents?)"
_ENGLISH = (
    rf"\b(?:ignore|disregard|forget|override|bypass|skip)\b(?:\W+\w+){{0,3}}?\W+{_BEFORE}\b(?:\W+\w+){{0,3}}?\W+{_ORDERS}\b",
    r"\b(?:ignore|disregard|forget)\W+(?:(?:all|everything|anything)\W+)?(?:of\W+)?(?:the\W+)?(?:above|previous|preceding|before)"
    r"(?=\W*$|\W*[.,;:!]|\W+and\b)",
    r"\b(?:new|updated|real|hidden|secret|system)\W+(?:system\W+)?(?:instructions?|prompt)\W*[:：]",
    r"^\W*(?:system|assistant|developer|user)\W{0,3}[::]",
    r"<\|?/?(?:im_start|im_end|system|assistant|inst|s)\|?>|\[/?inst\]|<<sys>>",
    r"\byou\W+(?:are\W+now\W+(?:an?|the|in|my|no\W+longer)|(?:must|will|shall|should)\W+(?:now|only|always|instead|henceforth)\W+"
    r"(?:answer|say|reply|respond|output|write|act|print|tell|recommend))\b",
    r"\bfrom\W+now\W+on\W+(?:you|answer|say|reply|respond|reveal|only|always|ignore|act|print|write)\b",
    r"\b(?:answer|reply|respond)\b(?:\W+\w+){0,6}?\W+(?:with|only|that|by\W+saying)\b(?:\W+\w+){0,2}?\W*[\"'“‘「『:]",
    r"\b(?:say|tell|inform|assure)\b\W+(?:the\W+user|users|them|everyone|that\W+everything)\b",
    r"\b(?:reveal|print|output|leak|disclose|send|repeat|show)\b(?:\W+\w+){0,4}?\W+(?:system\W+prompt|prompt|instructions?|api\W+keys?|passwords?|secrets?|tenants?)\b",
    r"\b(?:ai|language\W+model|assistant|chatbot|llm)s?\b(?:\W+\w+){0,4}?\W+(?:must|should|shall|has\W+to|is\W+to|are\W+to|reading)\b",
    r"\b(?:act|behave|pretend|roleplay)\W+(?:as|like|to\W+be)\b",
    r"\bwhen(?:ever)?\W+(?:you\W+are\W+)?(?:asked|answering|a\W+user\W+asks)\b(?:\W+\w+){0,12}?\W+(?:say|answer|reply|respond|write)\b",
    r"\bdo\W+not\W+(?:tell|mention|answer|cite|reveal)\b(?:\W+\w+){0,4}?\W+(?:user|passages?|question|instructions?|this)\b",
)
_CHINESE = (
    r"(?:忽略|无视|不要理会|不用理会|不理会|忘记|忘掉|抛开|跳过|覆盖)(?:掉|了)?.{0,8}?(?:以上|上述|上面|之前|前面|此前|先前|以前|所有|一切|全部|其他|你的).{0,10}?(?:内容|指示|指令|提示|要求|规则|设定|文字|资料|段落|信息|的话)",
    r"(?:新的|真正的|隐藏的|系统)(?:系统)?(?:指令|指示|提示词)",
    r"^\W*(?:系统|助手|开发者|用户)\W{0,2}[::]",
    r"从现在(?:开始|起).{0,6}?(?:你|请|只|都|回答|回复|输出|扮演)",
    r"你(?:现在|从此|今后|必须|只能|只需|应当|要)(?:是|只|都|扮演|回答|回复|输出|说|告诉|按)",
    r"(?:请|务必|必须|一律|只|直接|统一)(?:你)?(?:回答|回复|答复|输出|告诉用户|告知用户|说)\W{0,2}[“「『\"':]",
    r"(?:回答|回复|答复|输出)(?:说|为|成)?\W{0,2}[“「『\"]",
    r"(?:告诉|告知|通知|向)用户.{0,12}?(?:说|免费|联系|点击|发送|提供)",
    r"(?:输出|透露|泄露|公开|打印|发送|显示|重复|说出).{0,8}?(?:密钥|密码|口令|系统提示|提示词|指令|其他(?:租户|用户|客户))",
    r"(?:人工智能|语言模型|ai助手|ai|大模型|机器人)(?:助手|模型)?.{0,6}?(?:必须|应当|应该|只能|请|务必|读到|看到)",
    r"(?:当|如果|凡是|每当|无论).{0,4}?(?:用户|有人|被).{0,8}?(?:问|提问|询问).{0,30}?(?:回答|回复|答|说|输出)",
    r"(?:扮演|假装|假扮)(?:成|为|是|一)",
    r"不要(?:提及|引用|告诉|回答|透露).{0,10}?(?:用户|问题|上文|资料|本段|此指令)",
)
_SPEAKS_TO_A_MODEL = re.compile("|".join((*_ENGLISH, *_CHINESE)), re.MULTILINE)


@lru_cache(maxsize=1 << 14)
def is_instruction(sentence: str) -> bool:
    """Whether a sentence tells a model what to do."""
    return _SPEAKS_TO_A_MODEL.search(normalise(sentence)) is not None


def trusted(text: str) -> Iterator[Span]:
    """The sentences of a text without instructions, and without what follows one in its paragraph."""
    barred = -1
    for start, end in sentences(text):
        if start < barred:
            continue
        if is_instruction(text[start:end]):
            paragraph = text.find("\n\n", end)
            barred = len(text) if paragraph < 0 else paragraph
            continue
        yield start, end


def without_instructions(text: str) -> str:
    """The text with what is not to be trusted left out, each time as an ellipsis in brackets."""
    kept, at = [], 0
    for start, end in trusted(text):
        gap = text[at:start]
        kept += [gap if not gap.strip() else "\n[...]\n", text[start:end]]
        at = end
    rest = text[at:]
    return "".join([*kept, rest if not rest.strip() else "\n[...]"]).strip()
