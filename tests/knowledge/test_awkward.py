"""Twenty-five awkward files in one folder: each is imported or refused with a reason, and the rest is unharmed."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stepladder.knowledge import Query, Refused, SearchMode, files, read, sorted_out
from tests.knowledge.making import docx, pdf

pytest.importorskip("kreuzberg", reason="pip install 'stepladder[documents]'")
PAGE = "<html><body><p>The lighthouse keeper rests.</p></body></html>"
ROOT = Path(__file__).resolve().parents[2]


def archive(path, names):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in names.items():
            opened.writestr(name, data)


# name -> (what is in it, a word that must be found, or else the reason why it was refused)
WRITTEN = {
    "plain.txt": (b"The quiet otter sleeps.", "otter", ""),
    "gbk.txt": ("长江上的货轮今天靠岸。".encode("gbk"), "货轮", ""),
    "big5.txt": ("長江上的渡輪今天停駛，請改搭巴士。".encode("big5"), "渡輪", ""),
    "utf16.txt": ("窗外的风铃在响。".encode("utf-16"), "风铃", ""),
    "western.txt": "A café near the bridge, naïve prices.".encode("cp1252"),
    "cut.txt": ("码头旁边有一座灯塔".encode()[:-1], "码头", ""),
    "no end.html": (b"<html><body><table><tr><td>walrus<td>tusk" + b"<div>" * 3000, "walrus", ""),
    "deep.html": (b"<html>" + b"<div>" * 100_000 + b"badger", "badger", ""),
    "is html.pdf": (PAGE.encode(), "lighthouse", ""),
    "is text.docx": (b"Only a text, called a document: heron.", "heron", ""),
    "semicolons.csv": ("名称;价格\n蓝椅;40\n".encode("gb18030"), "蓝椅", ""),
    "ragged.csv": (b'a,b\n1\n2,3,4,5\n"open puffin\n', "puffin", ""),
    "rows.jsonl": (b'{"id": 1, "text": "The marmot whistles."}\nnot json\n', "marmot", "not a row"),
    "名字 with\n a break.md": (b"# Title\n\nThe gannet dives.", "gannet", ""),
    "empty.txt": (b"", "", "empty"),
    "nul.txt": (b"\0" * 5000, "", "neither text"),
    "noise.bin": (bytes(range(256)) * 40, "", "neither text"),
    "broken.docx": (b"PK\x03\x04 and no more", "", "broken archive"),
    "locked.xlsx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "", "encrypted"),
    "cut.pdf": (b"%PDF-1.7\n1 0 obj <</Type", "", ""),
}


def written(folder):
    """The files; name -> (word, reason)."""
    expected = {}
    for name, given in WRITTEN.items():
        data, word, reason = given if isinstance(given, tuple) else (given, "café", "")
        (folder / name).write_bytes(data)
        expected[name] = word, reason
    pdf(folder / "locked.pdf", "hidden", encrypted=True)
    docx(folder / "empty.docx")
    docx(folder / "bomb.docx", "A" * 1_000_000, repeat=300)
    docx(folder / "good.docx", "The kestrel hovers.")
    archive(folder / "letters.zip", {"a.txt": "text"})
    return {
        **expected,
        "locked.pdf": ("", "password"),
        "empty.docx": ("", "no text"),
        "bomb.docx": ("", "limit"),
        "good.docx": ("kestrel", ""),
        "letters.zip": ("", "archive"),
    }


def test_each_of_25_awkward_files_is_imported_or_refused_with_a_reason(tmp_path, knowledge):
    folder = tmp_path / "files"
    folder.mkdir()
    expected = written(folder)
    assert len(expected) == 25
    refused: list[Refused] = []
    for file in files(folder):
        knowledge.add("c", sorted_out(read(file), refused))
    reasons = {}
    for one in refused:
        assert one.reason
        reasons[Path(one.where.rpartition(":")[0] or one.where).name] = one.reason.lower()
    for name, (word, reason) in expected.items():
        assert word or name in reasons, name
        assert reason in reasons.get(name, ""), (name, reasons.get(name))
        if word:
            hits = knowledge.search(Query(word, "c", mode=SearchMode.LEXICAL))
            assert any(Path(hit.passage.source.partition(":")[0]).name == name for hit in hits), (name, hits)


READING = """
import json, resource, sys
from pathlib import Path
from stepladder.knowledge import read
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = sum(document.text.count("name: ") for document in read(Path(sys.argv[1])))
print(json.dumps([rows, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def test_a_csv_of_200_mb_is_read_in_bounded_memory(tmp_path):
    path = tmp_path / "large.csv"
    row = "item,{}\n".format("The tide tables of the old harbour. " * 110)
    count = (200 << 20) // len(row) + 1
    with path.open("w") as opened:
        opened.write("name,about\n")
        for start in range(0, count, 1000):
            opened.write(row * min(1000, count - start))
    assert path.stat().st_size > 200 << 20
    done = subprocess.run(
        [sys.executable, "-c", READING, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    path.unlink()
    rows, before, most = json.loads(done.stdout)
    assert rows == count
    assert most - before < 60 << 10  # kB
