"""An encoder in a folder: ONNX without torch, safetensors with it, and clear words for folders that hold none."""

import json
import sys

import numpy as np
import pytest

from stepladder.core import ConfigError, DataError, MissingExtra
from stepladder.models import open_embedder, shared_embedder

pytest.importorskip("tokenizers")
WORDS = ("[UNK]", "[CLS]", "[SEP]", "good", "bad", "很", "好", "query:")


def write_tokenizer(folder):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))


def write_onnx(folder, name="model.onnx", scale=1.0):
    """An encoder whose state of a token is a row of a table: 1 at the token's place."""
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    table = np.eye(len(WORDS), dtype=np.float32)
    table[0] *= scale
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["states"])],
        "rows",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("states", TensorProto.FLOAT, ["batch", "tokens", len(WORDS)])],
        [numpy_helper.from_array(table, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / name)


@pytest.fixture
def folder(tmp_path):
    write_tokenizer(tmp_path / "tiny")
    write_onnx(tmp_path / "tiny")
    return tmp_path / "tiny"


def words_in(row):
    return {WORDS[k] for k in np.flatnonzero(row > 1e-6)}


def test_an_onnx_folder_gives_unit_rows_of_pooled_states(folder):
    embedder = open_embedder("e", {"kind": "folder", "path": str(folder)})
    rows = embedder.embed(["good good bad", "很 好", "", "\ud800"], query=False)
    assert rows.shape == (4, embedder.dimensions) == (4, len(WORDS))
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert words_in(rows[0]) == {"[CLS]", "[SEP]", "good", "bad"}
    assert rows[0][WORDS.index("good")] == pytest.approx(2 * rows[0][WORDS.index("bad")])
    assert words_in(rows[1]) == {"[CLS]", "[SEP]", "很", "好"}
    assert embedder.embed([], query=True).shape == (0, len(WORDS))


def test_a_batch_changes_nothing(folder):
    embedder = open_embedder("e", {"kind": "folder", "path": str(folder)})
    together = embedder.embed(["good", "bad bad bad bad"], query=True)
    assert (together[0] == embedder.embed(["good"], query=True)[0]).all()


def test_the_folder_says_how_to_pool_what_to_put_before_and_where_to_cut(folder):
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    whole = open_embedder("e", {"kind": "folder", "path": str(folder)})
    assert words_in(whole.embed(["good"], query=True)[0]) == {"[CLS]"}
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "query: ", "document": ""}})
    )
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 4}))
    given = open_embedder("e", {"kind": "folder", "path": str(folder), "pooling": "mean"})
    assert words_in(given.embed(["good bad"], query=True)[0]) == {"[CLS]", "[SEP]", "query:", "good"}
    assert words_in(given.embed(["good bad"], query=False)[0]) == {"[CLS]", "[SEP]", "good", "bad"}
    longer = open_embedder("e", {"kind": "folder", "path": str(folder), "pooling": "mean", "tokens": 9})
    assert "bad" in words_in(longer.embed(["good bad"], query=True)[0])


def test_what_changes_the_vectors_changes_the_name(folder):
    table = {"kind": "folder", "path": str(folder)}
    names = {open_embedder("e", {**table, **more}).name for more in ({}, {"pooling": "cls"}, {"tokens": 5})}
    assert len(names) == 3
    assert open_embedder("e", {**table, "threads": 2}).name in names
    write_onnx(folder, scale=2.0)
    assert open_embedder("e", table).name not in names
    write_onnx(folder, "onnx/model_qint8.onnx", scale=3.0)
    named = open_embedder("e", {**table, "file": "onnx/model_qint8.onnx"})
    assert named.name not in {*names, open_embedder("e", table).name}


def test_rungs_share_it_like_any_other(folder):
    table = {"kind": "folder", "path": str(folder)}
    assert shared_embedder(table) is shared_embedder(table)
    assert shared_embedder(table).embed(["good"]).shape == (1, len(WORDS))


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"path": "/nowhere/at/all"}, ConfigError, r"e\.path"),
        ({"pooling": "max"}, ConfigError, r"e\.pooling"),
        ({"tokens": -1}, ConfigError, r"e\.tokens"),
        ({"threads": 0}, ConfigError, r"e\.threads"),
        ({"file": "model.bin"}, ConfigError, r"e\.file"),
        ({"pool": "mean"}, ConfigError, "pool"),
    ],
)
def test_settings_are_checked(folder, more, error, words):
    with pytest.raises(error, match=words):
        open_embedder("e", {"kind": "folder", "path": str(folder), **more})


def test_a_folder_without_a_model_or_with_a_broken_one_is_said_so(folder, tmp_path):
    write_tokenizer(tmp_path / "empty")
    with pytest.raises(DataError, match=r"neither model\.onnx nor model\.safetensors"):
        open_embedder("e", {"kind": "folder", "path": str(tmp_path / "empty")})
    (folder / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(DataError, match="no ONNX model"):
        open_embedder("e", {"kind": "folder", "path": str(folder)})
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="no tokeniser"):
        open_embedder("e", {"kind": "folder", "path": str(folder)})
    (folder / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"no tokenizer\.json and no vocab\.txt"):
        open_embedder("e", {"kind": "folder", "path": str(folder)})


def test_a_vocabulary_alone_is_read_as_bert_s_and_its_case_is_the_folder_s_word(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    table = {"kind": "folder", "path": str(folder)}
    (lower, mixed) = open_embedder("e", table).embed(["GOOD 很好", "good"], query=False)
    assert words_in(lower) == {"[CLS]", "[SEP]", "good", "很", "好"}
    assert words_in(mixed) == {"[CLS]", "[SEP]", "good"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    assert "[UNK]" in words_in(open_embedder("e", table).embed(["GOOD"], query=False)[0])


@pytest.mark.parametrize("mode", ["pooling_mode_lasttoken", "pooling_mode_max_tokens"])
def test_what_would_give_other_vectors_than_the_model_s_is_refused(folder, mode):
    table = {"kind": "folder", "path": str(folder)}
    (folder / "1_Pooling").mkdir()
    said = folder / "1_Pooling" / "config.json"
    said.write_text(json.dumps({mode: True, "word_embedding_dimension": 8}))
    with pytest.raises(DataError, match=mode):
        open_embedder("e", table)
    assert open_embedder("e", {**table, "pooling": "mean"}).dimensions == len(WORDS)
    said.write_text(json.dumps({"pooling_mode_mean_tokens": True, mode: False}))
    kinds = ["sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling"]
    (folder / "modules.json").write_text(json.dumps([{"type": kind} for kind in kinds]))
    assert open_embedder("e", table).dimensions == len(WORDS)
    kinds.append("sentence_transformers.models.Dense")
    (folder / "modules.json").write_text(json.dumps([{"type": kind} for kind in kinds]))
    with pytest.raises(DataError, match="Dense"):
        open_embedder("e", table)


def test_a_missing_library_names_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match="encoder"):
        open_embedder("e", {"kind": "folder", "path": str(folder)})
    (folder / "model.onnx").unlink()
    (folder / "model.safetensors").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match="train"):
        open_embedder("e", {"kind": "folder", "path": str(folder)})
