"""Names and addresses in both languages, and words that look like them."""

import pytest

from stepladder.privacy import Kind, find


def people(text):
    return [found.text for found in find(text, [Kind.PERSON])]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("我叫王小明，今年三岁", ["王小明"]),
        ("联系人：欧阳娜娜 电话", ["欧阳娜娜"]),
        ("张先生您好", ["张"]),
        ("请李华来一下", ["李华"]),
        ("王建国说他不来", ["王建国"]),
        ("昨天和陈思雨去看电影", ["陈思雨"]),
        ("我的朋友赵敏在上海工作", ["赵敏"]),
        ("会议由孙丽华主持，周杰和吴刚发言。", ["孙丽华", "周杰", "吴刚"]),
        ("陳大文先生", ["陳大文"]),
        ("快递放李晓雯那儿了", ["李晓雯"]),
        ("谁能想到周慕云居然辞职了", ["周慕云"]),
        ("把许卓拉进群吧，还有孟知秋。", ["许卓", "孟知秋"]),
        ("老周说图纸给王工，小段在等", ["周", "王", "段"]),
        ("我姓黎，找司马相宜", ["黎", "司马相宜"]),
        ("约翰·史密斯昨天到访", ["约翰·史密斯"]),
        ("My name is Rubija", ["Rubija"]),
        ("Mr. Smith and Dr. Jane Doe", ["Smith", "Jane Doe"]),
        ("Krisztián Szöllösy listed his songs", ["Krisztián Szöllösy"]),
        ("I spoke to Mary O'Brien yesterday", ["Mary O'Brien"]),
        ("Ludwig van Beethoven was born there", ["Ludwig van Beethoven"]),
        ("John F. Kennedy's speech", ["John F. Kennedy"]),
        ("Dear Priya, thank you", ["Priya"]),
        ("a letter by Xiaoming Wang", ["Xiaoming Wang"]),
        ("Jean-Luc Dupont works here", ["Jean-Luc Dupont"]),
    ],
)
def test_names(text, names):
    assert people(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "任何方面都可以",
        "他很高兴，马上出发",
        "由于国家政策",
        "我是程序员，他是高中生",
        "成功的方法",
        "金融行业，江南，石油",
        "安全第一，时间紧",
        "黄金和白银",
        "小路上有水，老黄牛过河，小米粥",
        "毛衣起球，方法不对，江边风大",
        "The weather is nice. What a day!",
        "I live in Paris",
        "Monday in January",
        "University of Oxford",
        "Please contact Support",
        "Microsoft Corporation",
        "We flew to New York",
        "READ THE MANUAL",
        "Title VII of the Civil Rights Act",
    ],
)
def test_words_that_are_no_names(text):
    assert people(text) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("我住在北京市朝阳区建国路88号院3号楼1203室，快递放门口", "北京市朝阳区建国路88号院3号楼1203室"),
        ("请寄到浙江省杭州市西湖区文三路478号A座1201室", "浙江省杭州市西湖区文三路478号A座1201室"),
        ("送到中山路25号就行", "中山路25号"),
        ("家住幸福小区3栋2单元501室。", "幸福小区3栋2单元501室"),
        (
            "at 350 Fifth Avenue, Apt 12B, New York, NY 10118 since",
            "350 Fifth Avenue, Apt 12B, New York, NY 10118",
        ),
        ("It is at 10 Downing Street, London", "10 Downing Street, London"),
        ("at 12 Baker Street, London NW1 6XE, near", "12 Baker Street, London NW1 6XE"),
        ("Villacher Strasse 89", "Villacher Strasse 89"),
        ("send it to P.O. Box 287", "P.O. Box 287"),
    ],
)
def test_addresses(text, address):
    assert [found.text for found in find(text, [Kind.ADDRESS])] == [address]


@pytest.mark.parametrize(
    "text", ["他走了三里路", "we have 25 ways", "第3章第2节", "in 2019 the street was empty", "买了3号和5号"]
)
def test_no_addresses(text):
    assert find(text, [Kind.ADDRESS]) == []
