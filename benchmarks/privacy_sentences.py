"""Chinese sentences with personal data and their spans, and hard negatives: made, so that everybody may have them.

Families of templates: ``dev`` is what the recognisers were tuned on; ``test``, ``blind``, ``talk`` and ``fresh`` were written
apart, one after the other, with given names of their own. Slots are ``{kind}``; numbers carry right check digits, hard
negatives are numbers that are nobody's.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import privacy_blind, privacy_fresh, privacy_talk
from benchmarks.privacy_templates import NEGATIVES, TEMPLATES


def _words(text: str) -> list[str]:
    return text.split()


SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟"
    "汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
GIVEN = {
    "dev": _words(
        "小明 建国 丽华 思远 雨桐 子涵 浩然 欣怡 梓萱 俊杰 志强 秀英 桂兰 淑珍 国栋 伟 芳 娜 敏 静 磊 "
        "洋 勇 艳 杰 娟 涛 超 霞 平 刚 玉兰 晓燕 海涛 文博 一鸣 佳怡 诗涵 宇轩 子轩 浩宇 梦琪 嘉欣 "
        "雅婷 天佑 泽宇 若曦 语嫣 永强 德华 学友 富城 明远 春梅 冬梅 红梅 爱国 卫东 援朝 振华 立新 婉清 "
        "慕白 清扬 知行 景行 书瑶 安然 乐天 可欣 亦凡 奕辰 沐宸 昕怡 苡沫 铭泽 炫明 煜祺 钰莹 凯 博 鑫 "
        "鹏 婷 雪 琳 丹 萍 宁 燕 倩 龙 飞 斌 健 波 辉 峰 军 亮 旭 岩 翔 晓东 志明 美玲 少华 家豪 "
        "子墨 雨欣 梓涵 思琪 俊熙 文静 建军 丽娟 桂英 秀兰 玉珍 凤英 国强 志刚 海燕 晓峰 永红 庆华 金花 "
        "向前 保国 兴旺 如意 天成 星辰 怀瑾 润之 仲谋 望舒 采薇 疏影 皓月 锦程 云帆 长青 泽林 博远 佩琪 "
        "静雯 佳宁 嘉豪 子睿 欣然 诗雨 瑞雪 启航 承志 晨曦 念慈 巧玲 敬业 明亮 强 莉 红 明 英 华 慧 "
        "建 玲 桂 秀 玉 梅 彬 浩 宇 帆 蕾 薇 洁 颖 晨 阳 瑜 琪 冰 威 松 钢 森 炜 昊 楠 璐 "
        "琦建平 丽萍 志华 小红 文杰 秀珍 玉华 海波 晓丽 明辉 春生 国庆 红霞 艳红 俊峰 思思 佳琪 雨婷 "
        "梦瑶 子豪 宇航 皓轩 一诺 梓晨 奕涵 若琳 嘉怡 心怡 雅琴 惠敏 淑芬 桂芳 凤霞 德明 福生 光明 世杰 "
        "永康 正阳 修远 致远 思齐 景辰 明轩 文昊 鹏飞 逸飞 天翔 凌云 博涛 娅楠 舒涵 可馨 语晨 沛然 允浩 "
        "东 军 杰 敏 丽 伟 涛 燕 芬 琴 辉 斌 颖 静 欢 悦 昕 航 诚 瑞 坤 林 云 峰 平 "
    ),
    "test": _words(
        "建华 志伟 秀芳 玉梅 海霞 晓军 文斌 春燕 国华 丽丽 艳萍 俊伟 思琦 佳欣 雨晴 梦洁 子涛 宇飞 浩天 "
        "一凡 梓豪 奕然 若彤 嘉伟 心悦 雅静 惠玲 淑敏 桂珍 凤兰 德胜 福全 光辉 世昌 永年 正华 修文 远航 "
        "思源 景明 明哲 文轩 鹏程 云飞 天宇 凌霄 博文 舒雅 馨月 语桐 浩博 辉 磊 鑫 娟 婷 雷 斌 莹 岩 "
        "超 峰 涛 雪 凯 宁 蓉 菲 晖 昆 璇 琛 骏 "
    ),
    "blind": _words(
        "建明 秋生 丽霞 志鹏 文静 晓峰 秀梅 国平 海龙 玉珠 振宇 立群 婉婷 子航 雨泽 一帆 思涵 梦婷 佳慧 俊凯 "
        "宏伟 春花 冬生 长河 连成 有才 桂香 银凤 福贵 根生 小兰 大海 铁柱 双喜 胜利 跃进 卫国 红军 向阳 爱华 "
        "洛 骁 彤 妍 晗 钧 蕊 岚 淼 恺 祎 甜 媛 岳 朗 帅 虎 林 静怡 昊天 睿泽 沐阳 苏晴 念真 听澜 予安 清和 "
    ),
    "talk": privacy_talk.GIVEN,
    "fresh": privacy_fresh.GIVEN,
}
CITIES = (
    ("北京市", "北京市", ("朝阳区", "海淀区", "西城区", "丰台区")),
    ("上海市", "上海市", ("浦东新区", "徐汇区", "静安区")),
    ("广东省", "深圳市", ("南山区", "福田区", "宝安区")),
    ("浙江省", "杭州市", ("西湖区", "余杭区", "滨江区")),
    ("四川省", "成都市", ("武侯区", "锦江区", "高新区")),
    ("湖北省", "武汉市", ("洪山区", "江汉区")),
    ("江苏省", "南京市", ("鼓楼区", "玄武区")),
    ("陕西省", "西安市", ("雁塔区", "碑林区")),
    ("山东省", "青岛市", ("市南区", "崂山区")),
    ("湖南省", "长沙市", ("岳麓区", "芙蓉区")),
)
ROADS = _words(
    "中山路 解放大道 人民南路 文三路 建国路 学院路 长江西路 滨河大道 天府三街 高新四路 和平街 科苑路 "
    "珞喻路 五一大道 香港中路 "
)
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
DIVISIONS = _words(
    "110101 110105 310104 440305 330106 510107 420111 320102 "
    "610113 370202 430104 210102 230103 350203 500103 "
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text and its true spans: (start, end, kind)."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


def sentences(family: str, seed: int, count: int) -> list[Sentence]:
    """Return ``count`` sentences of a family, about a quarter of them without personal data."""
    rng = random.Random(seed)
    written = {"blind": privacy_blind, "talk": privacy_talk, "fresh": privacy_fresh}.get(family)
    negatives = written.NEGATIVES if written else NEGATIVES[family]
    templates = written.TEMPLATES if written else TEMPLATES[family]
    return [
        fill(rng.choice(negatives if rng.random() < 0.25 else templates), rng, family) for _ in range(count)
    ]


def fill(template: str, rng: random.Random, family: str) -> Sentence:
    """Return the template with its slots filled; a slot in upper case is filler, not personal data."""
    text, spans = "", []
    for literal, slot in re.findall(r"([^{]*)(?:\{(\w+)\})?", template):
        text += literal
        if not slot:
            continue
        value = _person(rng, family) if slot == "person" else MAKERS[slot](rng)
        if slot.islower():
            spans.append((len(text), len(text) + len(value), KINDS.get(slot, slot)))
        text += value
    return Sentence(text, tuple(spans))


def _digits(rng: random.Random, count: int, first: str = "123456789") -> str:
    return rng.choice(first) + "".join(rng.choices(string.digits, k=count - 1))


def _person(rng: random.Random, family: str) -> str:
    doubles = ["欧阳", "上官", "诸葛", "司马", "慕容"]
    surname = rng.choice(doubles) if rng.random() < 0.04 else rng.choice(SURNAMES)
    return surname + rng.choice(GIVEN[family])


def _surname(rng: random.Random) -> str:
    return rng.choice(SURNAMES)


def _mobile(rng: random.Random) -> str:
    number = "1" + rng.choice("3456789") + _digits(rng, 9, string.digits)
    form = rng.random()
    if form < 0.7:
        return number
    if form < 0.85:
        gap = rng.choice(" -")
        return number[:3] + gap + number[3:7] + gap + number[7:]
    return "+86" + rng.choice(["", " ", "-"]) + number


def _landline(rng: random.Random) -> str:
    area = rng.choice(["010", "021", "020", "0755", "0571", "028", "027", "0532"])
    number = _digits(rng, 8 if rng.random() < 0.8 else 7, "2345678")
    return rng.choice(
        [f"{area}-{number}", f"({area}){number}", f"{area}{number}", f"{area}-{number}-{_digits(rng, 3)}"]
    )


def _day(rng: random.Random, first: int = 1950, last: int = 2008) -> tuple[int, int, int]:
    return rng.randint(first, last), rng.randint(1, 12), rng.randint(1, 28)


def _identity(rng: random.Random) -> str:
    year, month, day = _day(rng)
    body = f"{rng.choice(DIVISIONS)}{year}{month:02}{day:02}{rng.randint(1, 999):03}"
    total = sum(int(d) * (2 ** (17 - i) % 11) for i, d in enumerate(body))
    number = body + "10X98765432"[total % 11]
    return (
        number.translate({ord(c): ord(c) + 0xFEE0 for c in string.digits + "X"})
        if rng.random() < 0.06
        else number
    )


def _wrong_identity(rng: random.Random) -> str:
    good = _identity(rng)
    return good[:-1] + ("1" if good[-1] != "1" else "2")


def _old_identity(rng: random.Random) -> str:
    year, month, day = _day(rng, 1940, 1985)
    return f"{rng.choice(DIVISIONS)}{year % 100:02}{month:02}{day:02}{rng.randint(1, 999):03}"


def _luhn(body: str) -> str:
    total = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(body)))
    return body + str(-total % 10)


def _card(rng: random.Random) -> str:
    prefix, size = rng.choice(
        [
            ("622202", 19),
            ("621700", 19),
            ("622848", 19),
            ("625912", 16),
            ("436742", 19),
            ("458123", 16),
            ("520169", 16),
            ("601382", 19),
        ]
    )
    number = _luhn(prefix + _digits(rng, size - 7, string.digits))
    return " ".join(number[i : i + 4] for i in range(0, size, 4)) if rng.random() < 0.3 else number


def _company(rng: random.Random) -> str:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = "91" + rng.choice(DIVISIONS) + _digits(rng, 8, "M3567") + rng.choice(alphabet)
    total = sum(alphabet.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return body + alphabet[-total % 31]


def _plate(rng: random.Random) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    tail = "".join(rng.choice(letters if rng.random() < 0.25 else string.digits) for _ in range(3)) + _digits(
        rng, 2
    )
    if rng.random() < 0.35:
        tail = rng.choice("DF") + _digits(rng, 5)
    return rng.choice(PROVINCES) + rng.choice("ABCDEFG") + rng.choice(["", "", "·"]) + tail


def _address(rng: random.Random) -> str:
    province, city, districts = rng.choice(CITIES)
    text = (province if province != city and rng.random() < 0.6 else "") + city + rng.choice(districts)
    text += rng.choice(ROADS) + f"{rng.randint(1, 999)}号"
    if rng.random() < 0.6:
        text += rng.choice(["{}号楼{}单元{}室", "{}栋{}单元{}", "{}幢{}{:02}室"]).format(
            rng.randint(1, 30), rng.randint(1, 6), rng.randint(101, 999)
        )
        text += "" if text.endswith("室") else "室"
    return text


def _iban(rng: random.Random) -> str:
    country, body = rng.choice(
        [("DE", _digits(rng, 18)), ("GB", "NWBK" + _digits(rng, 14)), ("FR", _digits(rng, 23))]
    )
    value = int("".join(str(int(c, 36)) for c in body + country + "00"))
    number = f"{country}{98 - value % 97:02}{body}"
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4)) if rng.random() < 0.5 else number


def _email(rng: random.Random) -> str:
    local = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 9))) + rng.choice(
        ["", "_88", ".wang", "2023"]
    )
    return (
        f"{local}@{rng.choice(['qq.com', '163.com', 'gmail.com', 'mail.tsinghua.edu.cn', 'company.com.cn'])}"
    )


def _ip(rng: random.Random) -> str:
    if rng.random() < 0.25:
        return ":".join(f"{rng.randint(1, 65535):x}" for _ in range(8))
    return ".".join(str(rng.randint(1, 254)) for _ in range(4))


def _born(rng: random.Random) -> str:
    year, month, day = _day(rng)
    return rng.choice(["{}年{}月{}日", "{}-{:02}-{:02}", "{}/{}/{}", "{}.{:02}.{:02}"]).format(
        year, month, day
    )


KINDS = {
    "mobile": "phone",
    "landline": "phone",
    "id": "id_number",
    "oldid": "id_number",
    "card": "bank_card",
    "company": "company_code",
    "surname": "person",
    "ip": "ip_address",
    "mac": "mac_address",
    "born": "birth_date",
    "account": "bank_account",
}
MAKERS: dict[str, Callable[[random.Random], str]] = {
    "surname": _surname,
    "mobile": _mobile,
    "landline": _landline,
    "id": _identity,
    "oldid": _old_identity,
    "card": _card,
    "company": _company,
    "plate": _plate,
    "address": _address,
    "iban": _iban,
    "email": _email,
    "ip": _ip,
    "born": _born,
    "passport": lambda rng: rng.choice(["E", "G"]) + _digits(rng, 8, string.digits),
    "mac": lambda rng: rng.choice(":-").join(f"{rng.randint(0, 255):02X}" for _ in range(6)),
    "account": lambda rng: _digits(rng, rng.choice([12, 15, 17])),
    "ORDER": lambda rng: rng.choice(["", "DD", "NO", "2024"]) + _digits(rng, rng.randint(10, 16)),
    "FLIGHT": lambda rng: rng.choice(["CA", "MU", "CZ", "HU", "3U"]) + _digits(rng, 4),
    "TRAIN": lambda rng: rng.choice("GDKZ") + _digits(rng, 3),
    "HASH": lambda rng: "".join(rng.choices("0123456789abcdef", k=rng.choice([32, 40, 64]))),
    "VERSION": lambda rng: ".".join(str(rng.randint(0, 20)) for _ in range(rng.choice([3, 4]))),
    "AMOUNT": lambda rng: f"{rng.randint(1, 99999999):,}.{rng.randint(0, 99):02}",
    "NUMBER": lambda rng: str(rng.randint(1000, 99999999)),
    "DATE": _born,
    "TIME": lambda rng: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}",
    "UUID": lambda rng: "-".join("".join(rng.choices("0123456789abcdef", k=k)) for k in (8, 4, 4, 4, 12)),
    "ISBN": lambda rng: "978-7-" + _digits(rng, 3) + "-" + _digits(rng, 5) + "-" + _digits(rng, 1),
    "STAMP": lambda rng: "17" + _digits(rng, 8, string.digits),
    "BADID": _wrong_identity,
}
