"""A FAQ made by hand, and an encoder whose vectors can be worked out: each word is an axis."""

import json

import numpy as np
import pytest

ROWS = [
    ("When is bulky waste collected?", "On the first Monday.", "bulky", "Waste"),
    ("How do I get a permit for residents?", "At the town hall.", "residents", "Traffic"),
    ("How do I get a permit for visitors?", "At any machine.", "visitors", "Traffic"),
    ("Is the library open?", "From 9 to 5.", "library", "Culture"),
]
VOCABULARY = ["[UNK]", "[PAD]", "waste", "rubbish", "permit", "library", "books", "visitors", "residents"]
AXES = {"waste": 0, "rubbish": 0, "permit": 1, "library": 2, "books": 2, "visitors": 3, "residents": 4}


def write_encoder(folder):
    """Write an ONNX file and a tokenizer: the sum of the words' axes, where words of one meaning share one."""
    onnx = pytest.importorskip("onnx")
    tokenizers = pytest.importorskip("tokenizers")
    from onnx import TensorProto, helper, numpy_helper

    folder.mkdir(parents=True)
    table = np.zeros((len(VOCABULARY), 6), np.float32)
    table[:, 5] = 0.01  # so that no vector is zero
    for word, axis in AXES.items():
        table[VOCABULARY.index(word), axis] = 1
    nodes = [
        helper.make_node("Gather", ["table", "token_ids"], ["vectors"]),
        helper.make_node("ReduceSum", ["vectors", "axes"], ["pooled"], keepdims=0),
    ]
    constants = [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "axes")]
    given = helper.make_tensor_value_info("token_ids", TensorProto.INT32, [None, None])
    found = helper.make_tensor_value_info("pooled", TensorProto.FLOAT, [None, 6])
    graph = helper.make_graph(nodes, "words", [given], [found], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    words = {word: number for number, word in enumerate(VOCABULARY)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(64)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory):
    """The folder of the encoder."""
    return write_encoder(tmp_path_factory.mktemp("encoder") / "words")


@pytest.fixture(scope="session")
def faq(tmp_path_factory):
    """The file of the FAQ, as JSON lines."""
    file = tmp_path_factory.mktemp("faq") / "faq.jsonl"
    names = ("question", "answer", "id", "source")
    file.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in ROWS))
    return file


@pytest.fixture
def passages(faq):
    """The passages of the FAQ."""
    from cityzoo.answer.passages import read_passages

    return read_passages(str(faq), {})[0]
