"""Hugging Face folders of tiny encoders with random weights: a few hundred words, width 8, two blocks."""

import json

import numpy as np
from safetensors.numpy import save_file
from tokenizers.implementations import BertWordPieceTokenizer

from zoo.text import registry
from zoo.text.hugging_face import BERT_BLOCK, BERT_NAMES, DISTILBERT_BLOCK
from zoo.text.masked_language import HEADS

TEXT = """
    a about account after again all am an and any are ask at back bad bag be bin blocked blue bridge
    broken bus by call can car card cash change city close closed come cost dark day do does down drive
    euro exchange fee fire flood fly for from garbage get glass go green had has have help here home hour
    how i in is it jam lamp late left light like long lost make me missed money my near need new next
    night no noise not now of off office old on one open or out paper parking pay permit phone pick pipe
    place please pothole power question rain red refund right road rubbish school send sign slow smell
    stop street take team that the there they this ticket time to today too tonight tram transfer tree
    two up wait want was water way week what when where which who why will with work wrong year yes you
    your alley ankara bahn bonjour danke donde frau heute hola ich istanbul kein licht lampe luz
    nein nicht por rua sokak strasse tarjeta ulica und wasser wo yol
"""
WORDS = TEXT.split()
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
VOCABULARY = (
    *SPECIAL,
    *".,?!'-:/",
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS),
    *sorted({*WORDS} - {*LETTERS}),
)
BERT = {
    "model_type": "bert", "vocab_size": len(VOCABULARY), "hidden_size": 8, "num_hidden_layers": 2,
    "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 64,
}  # fmt: skip
DISTILBERT = {
    "model_type": "distilbert", "vocab_size": len(VOCABULARY), "dim": 8, "n_layers": 2, "n_heads": 2,
    "hidden_dim": 16, "max_position_embeddings": 64,
}  # fmt: skip


def write_encoder(folder, config=BERT, start="", seed=0, scale=0.3, head=False):
    """Write config.json, model.safetensors and tokenizer.json as save_pretrained does; return the tensors.

    Args:
        folder: is made.
        config: content of config.json: BERT, DISTILBERT or changes of them.
        start: of the names of all tensors, such as "bert.".
        seed: of the weights.
        scale: spread of the weights around 0, of layer normalization around 1.
        head: whether that of a masked language model is added.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    rng = np.random.default_rng(seed)
    tensors = {
        f"{start}{name}": (
            rng.normal(0, scale, shape) + (name.endswith(("norm.weight", "Norm.weight")))
        ).astype(np.float32)
        for name, shape in _shapes(config).items()
    }
    tensors |= _head_tensors(config, rng) if head else {}
    save_file(tensors, folder / "model.safetensors")
    write_tokenizer(folder)
    return tensors


def _head_tensors(config, rng):
    width, words = config.get("hidden_size", config.get("dim")), config["vocab_size"]
    dense, norm, bias = HEADS[1 if config["model_type"] == "distilbert" else 0]
    shapes = {f"{dense}.weight": (width, width), f"{dense}.bias": (width,), f"{norm}.weight": (width,)}
    shapes |= {f"{norm}.bias": (width,), bias: (words,)}
    return {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def write_tokenizer(folder, vocabulary=VOCABULARY):
    """Write a tokenizer.json of BERT's kind that knows all letters, so that no word is unknown."""
    numbers = {token: number for number, token in enumerate(vocabulary)}
    BertWordPieceTokenizer(numbers).save(str(folder / "tokenizer.json"))


def _shapes(config):
    is_distilbert = config["model_type"] == "distilbert"
    names = ("dim", "n_layers", "hidden_dim") if is_distilbert else (
        "hidden_size", "num_hidden_layers", "intermediate_size"
    )  # fmt: skip
    width, blocks, hidden = (config[name] for name in names)
    rows = {"embed_tokens": config["vocab_size"], "embed_positions": config["max_position_embeddings"]}
    if not is_distilbert:
        rows["embed_types"] = config.get("type_vocab_size", 2)
    shapes = {f"{BERT_NAMES[name]}.weight": (count, width) for name, count in rows.items()}
    shapes |= {f"{BERT_NAMES['embed_norm']}.{end}": (width,) for end in ("weight", "bias")}
    block, path = (DISTILBERT_BLOCK, "transformer") if is_distilbert else (BERT_BLOCK, "encoder")
    for number in range(blocks):
        for part, name in block.items():
            out, into = (hidden if part == "_hidden" else width), (hidden if part == "_output" else width)
            is_norm = part in ("", "_attention_norm")
            shapes[f"{path}.layer.{number}.{name}.weight"] = (width,) if is_norm else (out, into)
            shapes[f"{path}.layer.{number}.{name}.bias"] = (out,)
    return shapes


def register(folder, monkeypatch):
    """Make "tiny_text" a backbone of the table, whose files lie in a folder."""
    monkeypatch.setattr(registry, "cache_folder", lambda: folder)
    monkeypatch.setitem(registry.BACKBONES, "tiny_text", registry.TextBackbone("tiny/text", 0.01, "tiny"))
    if not (folder / "text" / "tiny_text").is_dir():
        write_encoder(folder / "text" / "tiny_text")
