"""Each kind with what it is and what it nearly is."""

import pytest

from stepladder.privacy import Kind, find

FOUND = [
    ("我的身份证是11010519491231002X。", "11010519491231002X", Kind.ID_NUMBER),
    ("身份证：１１０１０５１９４９１２３１００２Ｘ", "１１０１０５１９４９１２３１００２Ｘ", Kind.ID_NUMBER),
    ("ID card 110105 19491231 002x", "110105 19491231 002x", Kind.ID_NUMBER),
    ("老身份证号码130503670401001还能用吗", "130503670401001", Kind.ID_NUMBER),
    ("card 4111 1111 1111 1111 please", "4111 1111 1111 1111", Kind.BANK_CARD),
    ("pay with 378282246310005", "378282246310005", Kind.BANK_CARD),
    ("my card 3782 822463 10005", "3782 822463 10005", Kind.BANK_CARD),
    ("卡号６２２８４８０４０２５６４８９００１８", "６２２８４８０４０２５６４８９００１８", Kind.BANK_CARD),
    ("card number 630427373398 is lost", "630427373398", Kind.BANK_CARD),
    ("统一社会信用代码91350100M000100Y43", "91350100M000100Y43", Kind.COMPANY_CODE),
    ("SSN: 219-09-9999", "219-09-9999", Kind.SSN),
    ("social security number is 219099999", "219099999", Kind.SSN),
    ("护照号码E12345678", "E12345678", Kind.PASSPORT),
    ("his passport no. is 912803456", "912803456", Kind.PASSPORT),
    ("IBAN GB82 WEST 1234 5698 7654 32 and", "GB82 WEST 1234 5698 7654 32", Kind.IBAN),
    ("to de89370400440532013000.", "de89370400440532013000", Kind.IBAN),
    ("开户行账号：110060149012345678901", "110060149012345678901", Kind.BANK_ACCOUNT),
    ("account number 000123456789", "000123456789", Kind.BANK_ACCOUNT),
    ("车牌京A·F1234停在门口", "京A·F1234", Kind.PLATE),
    ("沪AD12345是新能源车", "沪AD12345", Kind.PLATE),
    ("粤B12345D", "粤B12345D", Kind.PLATE),
    ("粤Z1234港", "粤Z1234港", Kind.PLATE),
    ("write to john.doe+x@mail.example.co.uk.", "john.doe+x@mail.example.co.uk", Kind.EMAIL),
    ("邮箱zhang_san@163.com请查收", "zhang_san@163.com", Kind.EMAIL),
    ("ann [at] example [dot] org", "ann [at] example [dot] org", Kind.EMAIL),
    ("from 192.168.1.254, blocked", "192.168.1.254", Kind.IP_ADDRESS),
    ("IP:fe80::1ff:fe23:4567:890a up", "fe80::1ff:fe23:4567:890a", Kind.IP_ADDRESS),
    ("服务器2001:db8:85a3:0:0:8a2e:370:7334连不上", "2001:db8:85a3:0:0:8a2e:370:7334", Kind.IP_ADDRESS),
    ("MAC:00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5E", Kind.MAC_ADDRESS),
    ("网卡00-1a-2b-3c-4d-5e", "00-1a-2b-3c-4d-5e", Kind.MAC_ADDRESS),
    ("postgres://app:s3cret@db.local:5432/x", "postgres://app:s3cret@db.local:5432/x", Kind.URL),
    ("born on March 7, 1990 in", "March 7, 1990", Kind.BIRTH_DATE),
    ("DOB: 07/03/1990", "07/03/1990", Kind.BIRTH_DATE),
    ("出生日期：1990年3月7日", "1990年3月7日", Kind.BIRTH_DATE),
    ("他1990-03-07出生", "1990-03-07", Kind.BIRTH_DATE),
    ("我的生日是1990.3.7", "1990.3.7", Kind.BIRTH_DATE),
    ("他一九九零年三月七日出生", "一九九零年三月七日", Kind.BIRTH_DATE),
    ("生于1990年3月，", "1990年3月", Kind.BIRTH_DATE),
    ("she was born in March 1990.", "March 1990", Kind.BIRTH_DATE),
    ("邮箱：张三@例子.中国", "张三@例子.中国", Kind.EMAIL),
    ("my licence plate is 7ABC123, ok", "7ABC123", Kind.PLATE),
    ("number plate: AB12 CDE", "AB12 CDE", Kind.PLATE),
    ("Vehicle registration number AB-123-CD.", "AB-123-CD", Kind.PLATE),
]


@pytest.mark.parametrize(("text", "value", "kind"), FOUND, ids=[value for _, value, _ in FOUND])
def test_it_is_found(text, value, kind):
    assert [(found.text, found.kind) for found in find(text) if found.kind is not Kind.PERSON] == [
        (value, kind)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "身份证110105194912310021",
        "plates of 12 dishes",
        "registration number 12345678",
        "@张三 说得对.中国加油",
        "1990年3月7日开会",
        "110105194902310021",
        "990105194912310020",
        "110105991331001",  # check digit, day, division
        "card 4111 1111 1111 1112",
        "order 4111111111111111",
        "订单号6228480402564890018",
        "1234567890123456",
        "630427373398",
        "代码91350100M000100Y44",
        "000-12-3456",
        "666-12-3456",
        "912-12-3456",
        "219-00-9999",
        "219099999",
        "E12345678",
        "航班CA12345",
        "GB82 WEST 1234 5698 7654 33",
        "DE8937040044053201300",
        "XX82WEST12345698765432",
        "订单110060149012345678901",
        "QQ账号1234567890",
        "京A1234",
        "京I12345",
        "京AABCDE",
        "a@b",
        "@someone",
        "user@localhost",
        "version 1.2.3.4",
        "v10.0.0.1",
        "版本10.2.3.4",
        "256.1.1.1",
        "1.2.3.4.5",
        "01.2.3.4",
        "at 11:34:35",
        "std::vector<int>",
        "a::b",
        "00:1A:2B:3C:4D",
        "00:1A:2B:3C:4D:5G",
        "https://example.org/a:b@c",
        "founded on March 7, 1990",
        "会议定于1990年3月7日",
        "d41d8cd98f00b204e9800998ecf8427e",
        "550e8400-e29b-41d4-a716-446655440000",
        "978-7-111-54742-6",
        "¥1,234,567.89",
        "3.14159265358979",
    ],
)
def test_what_is_nearly_it_is_not(text):
    assert [found for found in find(text) if found.kind is not Kind.PERSON] == []


@pytest.mark.parametrize(
    "number",
    [
        "+1 415-555-2671",
        "+86 138 1234 5678",
        "+442071838750",
        "+49 (0)30 901820",
        "0044 20 7183 8750",
        "13812345678",
        "138-1234-5678",
        "138 1234 5678",
        "１３８１２３４５６７８",
        "010-62345678",
        "(0755)86012345",
        "0571-88123456-802",
        "400-820-8820",
        "(415) 555-2671",
        "415-555-2671",
        "415.555.2671 x123",
        "1-415-555-2671",
        "07700 900123",
        "020 7183 8750",
        "01 84 17 61 18",
        "030/901820",
    ],
)
def test_a_telephone_is_found_where_one_is_spoken_of(number):
    for text in (f"Please call me at {number}", f"我的电话是{number}，谢谢", f"Tel: {number}"):
        assert [(found.text, found.kind) for found in find(text)] == [(number, Kind.PHONE)]


@pytest.mark.parametrize(
    "number", ["+14155552671", "13812345678", "(415) 555-2671", "010-62345678", "0494 92 82 32"]
)
def test_an_unmistakable_telephone_is_found_by_itself(number):
    assert [found.kind for found in find(f"so {number}.")] == [Kind.PHONE]


@pytest.mark.parametrize(
    "text",
    [
        "订单号13812345678",
        "tracking 13812345678",
        "in 1990 2000",
        "2024-01-02",
        "12/11/2024",
        "1700000000",
        "23812345678",
        "138123456789",
        "12 345 678",
        "license number is 2270-66-1551",
    ],
)
def test_a_number_of_something_else_is_no_telephone(text):
    assert find(text) == []


def test_the_context_of_a_column_names_what_is_in_it():
    assert find("555 2671") == []
    assert [found.kind for found in find("555 2671", context="phone")] == [Kind.PHONE]
    (found,) = find("E12345678", context="护照")
    assert (found.kind, found.start, found.end) == (Kind.PASSPORT, 0, 9)


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="telefax"):
        find("x", ["telefax"])


def test_one_iban_does_not_hide_the_next():
    code = "GB82 WEST 1234 5698 7654 32"
    text = f"{code} and {code} or {code}"
    assert [text[one.start : one.end] for one in find(text) if one.kind is Kind.IBAN] == [code] * 3
