"""Sources of every kind into one file, streamed, and gone on with after an end."""

import gzip
import json
import sqlite3

import pytest

from stepladder.core import DataError
from stepladder.data import Reading, Source, database_source, file_sources, gather_rows
from stepladder.data.gathering import run

arrow = pytest.importorskip("pyarrow", reason="pyarrow (extra `data`) is not installed")

RECORDS = [{"input": f"row {n} 你好", "answer": ["no", "yes"][n % 2]} for n in range(2500)]


def quiet(done, total, what):
    pass


def gathered(folder, sources, reading=None):
    found = gather_rows(sources, reading or Reading(), folder / "out.jsonl", quiet)
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    return found, rows


def pairs(rows):
    return [{"input": row["input"], "answer": row["answer"]} for row in rows]


def jsonl(path, records=RECORDS):
    path.write_text(
        "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8"
    )


def write(path):
    """The records in the kind that the name asks for."""
    kind = path.name.partition(".")[2]
    if kind == "jsonl":
        jsonl(path)
    elif kind == "jsonl.gz":
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in RECORDS)
    elif kind == "json":
        path.write_text(json.dumps(RECORDS, indent=2, ensure_ascii=False), encoding="utf-8")
    elif kind in ("csv", "gb.csv", "tsv"):
        separator = "\t" if kind == "tsv" else ","
        lines = [separator.join(record.values()) for record in [{"a": "input", "b": "answer"}, *RECORDS]]
        path.write_text(
            "\r\n".join(lines) + "\r\n", encoding="gb18030" if kind == "gb.csv" else "utf-8-sig", newline=""
        )
    elif kind == "parquet":
        from pyarrow import parquet

        parquet.write_table(arrow.Table.from_pylist(RECORDS), path, row_group_size=700)
    else:
        table = arrow.Table.from_pylist(RECORDS)
        with arrow.OSFile(str(path), "wb") as sink:
            opened = (
                arrow.ipc.new_stream(sink, table.schema)
                if kind == "arrow"
                else arrow.ipc.new_file(sink, table.schema)
            )
            with opened as writer:
                writer.write_table(table, 400)


@pytest.mark.parametrize(
    "name",
    ["a.jsonl", "a.jsonl.gz", "a.json", "a.csv", "a.gb.csv", "a.tsv", "a.parquet", "a.arrow", "a.file.arrow"],
)
def test_every_kind_of_file_gives_the_same_rows(tmp_path, name):
    write(tmp_path / name)
    found, rows = gathered(tmp_path, file_sources(tmp_path / name))
    assert pairs(rows) == RECORDS
    assert rows[7]["source"] == f"{name}:8"
    assert (found[0].rows, found[0].skipped) == (2500, 0)


def test_a_large_json_list_is_read_piece_by_piece(tmp_path, monkeypatch):
    from stepladder.data.gathering import sources

    monkeypatch.setattr(sources, "_CHUNK", 37)
    (tmp_path / "a.json").write_text(json.dumps(RECORDS[:50]), encoding="utf-8")
    _, rows = gathered(tmp_path, file_sources(tmp_path / "a.json"))
    assert pairs(rows) == RECORDS[:50]
    (tmp_path / "cut.json").write_text(json.dumps(RECORDS[:50])[:-30], encoding="utf-8")
    found, rows = gathered(tmp_path, file_sources(tmp_path / "cut.json"))
    assert (len(rows), found[0].skipped) == (49, 1)


def test_class_numbers_become_names_and_saved_data_sets_keep_their_splits(tmp_path):
    info = {"info": {"features": {"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}}}
    for split, labels in (("train", [0, 1, 1]), ("test", [0])):
        folder = tmp_path / "saved" / split
        folder.mkdir(parents=True)
        table = arrow.table({"input": [f"{split} {n}" for n in range(len(labels))], "label": labels})
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
        sink = str(folder / "data-00000-of-00001.arrow")
        with arrow.OSFile(sink, "wb") as file, arrow.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
        (folder / "state.json").write_text('{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}')
        (folder / "dataset_info.json").write_text("{}")
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    from stepladder.data import FieldNames

    _, rows = gathered(tmp_path, file_sources(tmp_path / "saved"), Reading(names=FieldNames(answer="label")))
    assert [(row["split"], row["answer"]) for row in rows] == [
        ("train", "bad"),
        ("train", "good"),
        ("train", "good"),
        ("test", "bad"),
    ]


def test_a_folder_is_all_its_files_by_name(tmp_path):
    (tmp_path / "data").mkdir()
    jsonl(tmp_path / "data" / "train-00000-of-00001.jsonl", RECORDS[:2])
    jsonl(tmp_path / "data" / "b.jsonl", RECORDS[2:3])
    (tmp_path / "data" / "README.md").write_text("about")
    _, rows = gathered(tmp_path, file_sources(tmp_path / "data"))
    assert [(row["source"], row.get("split")) for row in rows] == [
        ("b.jsonl:1", None),
        ("train-00000-of-00001.jsonl:1", "train"),
        ("train-00000-of-00001.jsonl:2", "train"),
    ]


def test_a_database_query_is_a_source_and_its_refusal_is_told(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("create table asked (question text, label text)")
        database.executemany(
            "insert into asked values (?, ?)", [(row["input"], row["answer"]) for row in RECORDS[:9]]
        )
    database.close()
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    source = database_source(url, "select question as input, label as answer from asked")
    _, rows = gathered(tmp_path, [source])
    assert pairs(rows) == RECORDS[:9]
    with pytest.raises(DataError, match="no such table"):
        gathered(tmp_path, [database_source(url, "select * from elsewhere")])
    with pytest.raises(DataError, match="URL"):
        database_source("://", "select 1")
    with pytest.raises(DataError, match="There is no database"):
        database_source(f"sqlite:///{tmp_path / 'other.db'}", "select 1")
    assert not (tmp_path / "other.db").exists()
    with pytest.raises(DataError, match="driver"):
        gathered(tmp_path, [database_source("mysql+nodriver_here://host/shop", "select 1")])


def test_broken_records_are_counted_and_named(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"input": "a"}\nno json\n\n[1]\n{"answer": "b"}\n')
    (tmp_path / "b.csv").write_text("input,answer\na,b\na,b,c\nlonely\n")
    found, _ = gathered(tmp_path, [*file_sources(tmp_path / "a.jsonl"), *file_sources(tmp_path / "b.csv")])
    assert [(one.rows, one.skipped) for one in found] == [(1, 3), (1, 2)]
    first = found[0].first_skipped[0]
    assert (first.line, first.reason) == (2, "it is not valid JSON")


class Stopped(Exception):
    """A kill, at a place that a test chooses."""


def test_another_query_is_another_run_and_only_an_ordered_one_is_gone_on_with(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("create table asked (input text)")
    database.close()
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    one = database_source(url, "select input from asked ORDER  BY input")
    other = database_source(url, "select input from asked order by input desc")
    assert run._sign([one], Reading()) != run._sign([other], Reading())
    assert not one.fleeting
    assert database_source(url, "select input from asked").fleeting


def test_a_run_that_was_killed_goes_on(tmp_path, monkeypatch):
    jsonl(tmp_path / "a.jsonl")
    write(tmp_path / "b.parquet")
    sources = [*file_sources(tmp_path / "a.jsonl"), *file_sources(tmp_path / "b.parquet")]
    (tmp_path / "whole").mkdir()
    expected, _ = gathered(tmp_path / "whole", sources)
    monkeypatch.setattr(run, "_SAVED_SECONDS", -1.0)
    read = []

    def stopping(after):
        def open_source(source):
            def records():
                for number, record in enumerate(source.open()):
                    read.append(number)
                    if len(read) == after:
                        raise Stopped
                    yield record

            return Source(source.name, records, source.split, source.size)

        return [open_source(source) for source in sources]

    for after in (1000, 4500):
        with pytest.raises(Stopped):
            gather_rows(stopping(after), Reading(), tmp_path / "out.jsonl", quiet)
        with (tmp_path / "out.jsonl.part").open("ab") as file:
            file.write(b'{"torn')
    found, _ = gathered(tmp_path, sources)
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole" / "out.jsonl").read_bytes()
    assert found == expected
    assert not (tmp_path / "out.jsonl.progress").exists()


def test_paths_without_anything_are_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        file_sources(tmp_path / "nowhere.jsonl")
    with pytest.raises(DataError, match="nothing to read"):
        file_sources(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="no readable"):
        gathered(tmp_path, file_sources(tmp_path / "a.parquet"))
