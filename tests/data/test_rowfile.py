"""A JSONL file as texts: broken rows are told, output appears whole or not at all."""

import gzip
import json

import pytest

from stepladder.core import DataError
from stepladder.data import RowFile, write_rows


def test_rows_are_read_where_they_lie(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = '{"input": "一", "n": 1}\n\nbroken\n{"n": 2}\n[1]\n{"input": "two", "n": 3}\n'
    path.write_bytes(lines.encode() + b'{"input": "\xff"}\n')
    with RowFile(path) as rows:
        assert list(rows) == ["一", "two"]
        assert rows[0:2] == ["一", "two"]
        assert rows.row(1) == {"input": "two", "n": 3}
        assert rows.line(1) == b'{"input": "two", "n": 3}'
        assert [(row.line, row.reason) for row in rows.skipped] == [
            (3, "it is not valid JSON"),
            (4, "it has no text under 'input'"),
            (5, "it is no JSON object"),
            (7, "it is not UTF-8"),
        ]


def test_gzip_and_nested_fields(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(json.dumps({"payload": {"text": "deep"}}))
    with RowFile(path, "payload.text") as rows:
        assert list(rows) == ["deep"]


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "It is empty"), (b'{"text": 1}\n', "Line 1: it has no text")]
)
def test_a_file_without_rows(tmp_path, content, said):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        RowFile(path)
    with pytest.raises(DataError, match="Cannot read"):
        RowFile(tmp_path / "missing.jsonl")
    (tmp_path / "damaged.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(DataError, match="Cannot read"):
        RowFile(tmp_path / "damaged.jsonl.gz")


def test_output_is_whole_or_not_there(tmp_path):
    def rows():
        yield b"{}"
        raise RuntimeError("cable pulled")

    with pytest.raises(RuntimeError):
        write_rows(tmp_path / "out.jsonl", rows())
    assert list(tmp_path.iterdir()) == []
    assert write_rows(tmp_path / "out.jsonl", [b"{}", b"{}"]) == 2
    assert (tmp_path / "out.jsonl").read_bytes() == b"{}\n{}\n"
    with pytest.raises(DataError, match="Cannot write"):
        write_rows(tmp_path / "no" / "out.jsonl", [])
