"""Exported folders made by hand: a classifier of tones, and one of three texts."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from zoo.text.tfidf import TfidfTokenizer

RATE = 16_000


def tone(hertz, seconds, level=0.3):
    """A sine, (N,) float32."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def save(folder, nodes, inputs, outputs, weights, about):
    """Write model.onnx and preprocessing.json."""
    arrays = [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in weights.items()]
    infos = [helper.make_tensor_value_info(*each) for each in (inputs, outputs)]
    graph = helper.make_graph(nodes, "g", infos[:1], infos[1:], arrays)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    (folder / "preprocessing.json").write_text(json.dumps({"model": "model.onnx", **about}))
    return folder


def write_tone_classifier(folder, classes=("background", "horn", "siren"), samples=4000, thresholds=None):
    """A horn is 1000 Hz, a siren 2000 Hz: logits are 20 times the amplitude of that tone, of the background 1."""
    times = 2 * np.pi * np.arange(samples) / RATE
    waves = np.stack([wave(hertz * times) for hertz in (1000, 2000) for wave in (np.cos, np.sin)], axis=1)
    nodes = [
        helper.make_node("MatMul", ["waveform", "waves"], ["parts"]),
        helper.make_node("Mul", ["parts", "parts"], ["squares"]),
        helper.make_node("MatMul", ["squares", "pairs"], ["powers"]),
        helper.make_node("Sqrt", ["powers"], ["amplitudes"]),
        helper.make_node("Add", ["amplitudes", "bias"], ["logits"]),
    ]
    pairs = np.array([[0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]) * (40 / samples) ** 2
    weights = {"waves": waves, "pairs": pairs, "bias": [1.0, 0.0, 0.0]}
    about = {
        "class_names": list(classes),
        "output": "classification",
        "thresholds": thresholds or {},
        "inputs": [{"name": "waveform", "shape": [None, samples]}],
        "outputs": [{"name": "logits"}],
    }
    inputs, outputs = ("waveform", TensorProto.FLOAT, ["n", samples]), ("logits", TensorProto.FLOAT, ["n", 3])
    return save(folder, nodes, inputs, outputs, weights, about)


TEXTS = {"road_damage": "there is a pothole in the road", "broken_light": "the street light is broken"}


def write_intents(folder, threshold=2.0):
    """Two intents by the words of their texts; unlike ones are refused: 4 times the cosine is below the threshold."""
    tokenizer = TfidfTokenizer.fit([*TEXTS.values()] * 2, smallest=2)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.write(folder)
    matrix = tokenizer([*TEXTS.values()])
    count = matrix.shape[1]
    nodes = [helper.make_node("MatMul", ["tfidf", "texts"], ["logits"])]
    about = {
        "class_names": [*TEXTS],
        "output": "intent",
        "inputs": [{"name": "tfidf", "text": {"file": "tfidf.json", "removed": "[\x00-\x08]"}}],
        "outputs": [{"name": "logits"}],
        "rejection": {"score": "max logit", "threshold": threshold},
    }
    inputs, outputs = ("tfidf", TensorProto.FLOAT, ["n", count]), ("logits", TensorProto.FLOAT, ["n", 2])
    return save(folder, nodes, inputs, outputs, {"texts": 4 * matrix.T}, about)
