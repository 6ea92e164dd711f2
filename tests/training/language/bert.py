"""A tiny encoder of BERT's shape, made here: nothing is downloaded."""

import subprocess
import sys
from pathlib import Path

from tests.training.language.places import environment

WORDS = "[PAD] [UNK] [CLS] [SEP] cancel refund address my order 0 1 2 3 4 5 6 7 8 9"


def make_bert(folder: Path) -> None:
    """Write config.json, model.safetensors and tokenizer.json into `folder`; the same weights each time."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    words = {word: k for k, word in enumerate(WORDS.split())}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)


def tiny_bert(folder: Path) -> Path:
    """Make it in a process of its own, since libraries warn when they are imported."""
    code = f"from pathlib import Path; from tests.training.language.bert import make_bert; make_bert(Path({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment())
    return folder
