"""Files in: each is imported or refused with a reason, whatever is in it, and the rest goes on."""

import io
import zipfile

import pytest

from stepladder.knowledge import Document, Refused, files, jsonl, read
from tests.knowledge.making import docx, pdf, pptx, xlsx


def only(path):
    """The one thing that reading a file gives."""
    items = list(read(path))
    assert len(items) == 1, items
    return items[0]


@pytest.fixture
def library():
    return pytest.importorskip("kreuzberg", reason="pip install 'stepladder[documents]'")


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "big5"])
def test_chinese_text_is_read_in_any_code(tmp_path, codec):
    text = "這是一個檔案，說明文字在這裡。" if codec == "big5" else "这是一个文件，说明文字在这里。"
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode(codec))
    assert only(path).text == text


def test_western_text_that_is_not_utf_8_is_read(tmp_path):
    path = tmp_path / "text.md"
    path.write_bytes("The café is open, naïve or not.".encode("cp1252"))
    assert only(path).text == "The café is open, naïve or not."


def test_html_without_end_keeps_its_text_headings_and_tables(tmp_path):
    path = tmp_path / "page.pdf"  # and is called a PDF
    page = "<title>T &amp; 标题</title><script>evil()</script><body><nav>menu</nav><h2>Prices</h2>"
    page += (
        "<table><tr><th>name<th>price<tr><td>apple</td><td>5</td></tr></table>" + "<div><p>One more. " * 5000
    )
    path.write_text(f"<!DOCTYPE html><html>{page}", encoding="utf-8")
    document = only(path)
    assert document.title == "T & 标题"
    assert document.text.count("One more.") == 5000
    assert "## Prices" in document.text
    assert "| apple | 5 |" in document.text
    assert "evil" not in document.text
    assert "menu" not in document.text


def test_a_long_table_becomes_documents_of_rows_that_name_their_columns(tmp_path):
    path = tmp_path / "goods.csv"
    rows = "".join(f"商品{i};{i},5;\n" for i in range(450))
    path.write_bytes(f"名称;价格;备注\n{rows}".encode("gb18030"))
    found = list(read(path))
    assert [document.id.rpartition("#")[2] for document in found] == ["1-200", "201-400", "401-450"]
    assert found[0].text.startswith("名称: 商品0, 价格: 0,5\n")
    assert {document.source for document in found} == {str(path)}


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.txt", b"", "empty"),
        ("blank.txt", b" \n\n", "empty"),
        ("noise.txt", bytes(range(256)) * 40, "neither text"),
        ("broken.docx", b"PK\x03\x04 and no more", "broken archive"),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "encrypted or of the old"),
        ("head.csv", b"a,b,c\n", "no rows"),
        ("cell.csv", b'a,b\n1,"' + b"x" * (2 << 20), "no CSV"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(tmp_path, name, data, reason):
    path = tmp_path / name
    path.write_bytes(data)
    refused = only(path)
    assert isinstance(refused, Refused)
    assert reason in refused.reason
    assert str(path) in refused.where


def test_a_zip_that_is_no_office_file_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.txt", "text")
    assert "archive" in only(tmp_path / "x.zip").reason


def test_office_and_pdf_files_give_their_text(tmp_path, library):
    assert only(docx(tmp_path / "a.docx", "第一段。", "Second part.")).text.split() == [
        "第一段。",
        "Second",
        "part.",
    ]
    assert "Hello from a page" in only(pdf(tmp_path / "a.bin", "Hello from a page")).text
    table = only(xlsx(tmp_path / "a.xlsx", ("name", "价格"), ("蓝椅", "40")))
    assert all(cell in table.text for cell in ("价格", "蓝椅", "40"))
    assert "一张幻灯片 on otters" in only(pptx(tmp_path / "a.pptx", "一张幻灯片 on otters")).text


def test_bad_lines_of_jsonl_are_named_and_the_rest_is_read():
    lines = [
        b'\xef\xbb\xbf{"id": 7, "text": "seven", "title": null, "more": [1]}',
        b"",
        b'{"id": "x"}',
        b"not json",
        b'{"id": "e", "text": " "}',
        b'{"id": "z", "title": "T", "text": "zed", "tags": ["a"], "valid_until": 5}',
    ]
    found = list(jsonl(io.BytesIO(b"\n".join(lines)), "rows.jsonl"))
    assert [item.id for item in found if isinstance(item, Document)] == ["7", "z"]
    refused = [item for item in found if isinstance(item, Refused)]
    assert [item.where for item in refused] == ["rows.jsonl:3", "rows.jsonl:4", "rows.jsonl:5"]
    assert [item.harmless for item in refused] == [False, False, True]
    assert found[-1].tags == ("a",)


def test_a_folder_is_read_without_what_is_hidden(tmp_path):
    for name in ("b.txt", "sub/a.md", ".git/config", "sub/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    assert [file.name for file in files(tmp_path)] == ["b.txt", "a.md"]
    assert isinstance(only(tmp_path / "missing.txt"), Refused)
