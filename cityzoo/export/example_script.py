"""The example script of an exported folder: it needs the file's runtime, NumPy, and Pillow or tokenizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityzoo.export import graphs
from cityzoo.export.example_inputs import find_source

NAME = "example.py"
PACKAGES = {
    "onnx": "onnxruntime",
    "litert": "ai-edge-litert",
    "openvino": "openvino",
    "saved_model": "tensorflow",
}

TOP = '''\
"""Run {model}: python example.py{argument}  (pip install numpy{packages} {package})"""

import json
{modules}from pathlib import Path

import numpy as np
{imports}
HERE = Path(__file__).parent
about = json.loads((HERE / "preprocessing.json").read_text(encoding="utf-8"))
names = about["class_names"]
'''
RUN = {
    "onnx": """
session = onnxruntime.InferenceSession(HERE / about["model"])
found = dict(zip([t.name for t in session.get_outputs()], session.run(None, feeds)))
""",
    "litert": """
runner = Interpreter(str(HERE / about["model"])).get_signature_runner()
for name, tensor in runner.get_input_details().items():
    scale, zero = tensor["quantization"]
    if scale:
        low, high = np.iinfo(tensor["dtype"]).min, np.iinfo(tensor["dtype"]).max
        feeds[name] = np.clip(np.round(feeds[name] / scale) + zero, low, high).astype(tensor["dtype"])
found = runner(**feeds)
for name, tensor in runner.get_output_details().items():
    scale, zero = tensor["quantization"]
    found[name] = (found[name].astype(np.float32) - zero) * scale if scale else found[name]
""",
    "openvino": """
model = openvino.Core().compile_model(HERE / about["model"], "CPU")
found = {port.get_any_name(): array for port, array in model(feeds).items()}
""",
    "saved_model": """
loaded = tf.saved_model.load(str(HERE / about["model"]))
found = {k: v.numpy() for k, v in loaded.signatures["serving_default"](**feeds).items()}
""",
}
IMPORTS = {
    "onnx": "import onnxruntime",
    "litert": "from ai_edge_litert.interpreter import Interpreter",
    "openvino": "import openvino",
    "saved_model": "import tensorflow as tf",
}
FROM_RAW = """
boxes, scores = [], []
for level in ("P3", "P4", "P5"):
    sides = np.logaddexp(0, found["distances_" + level][0]) * 2 ** int(level[1])
    y, x = np.mgrid[: sides.shape[0], : sides.shape[1]]
    centers = np.stack([x, y], axis=-1) * 2 ** int(level[1]) + 2 ** int(level[1]) / 2
    boxes.append(np.concatenate([centers - sides[..., :2], centers + sides[..., 2:]], -1).reshape(-1, 4))
    scores.append(1 / (1 + np.exp(-found["logits_" + level][0].reshape(len(boxes[-1]), -1))))
boxes, scores = np.concatenate(boxes), np.concatenate(scores)
"""
FROM_DECODED = """
boxes, scores = found["boxes"][0], found["scores"][0]
"""
GREEDY_NMS = """
kept = []
for point, label in sorted(np.argwhere(scores >= THRESHOLD).tolist(), key=lambda pair: -scores[tuple(pair)]):
    box, rivals = boxes[point], np.array([boxes[p] for p, c in kept if c == label]).reshape(-1, 4)
    sides = np.minimum(box[2:], rivals[:, 2:]) - np.maximum(box[:2], rivals[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(box[2:] - box[:2]) + np.prod(rivals[:, 2:] - rivals[:, :2], axis=1)
    if not (shared > 0.65 * (areas - shared)).any():
        kept.append((point, label))
kept = [(names[label], scores[point, label], boxes[point]) for point, label in kept]
"""
FROM_NMS = """
rows = zip(found["classes"][0], found["scores"][0], found["boxes"][0])
kept = [(names[int(label)], score, box) for label, score, box in rows if score >= THRESHOLD]
"""
PRINT_BOXES = """for name, score, box in kept:
    x1, y1, x2, y2 = (box - [left, top, left, top]) / ([size[0] / image.width, size[1] / image.height] * 2)
    print(f"{name} {score:.3f}  {x1:.0f} {y1:.0f} {x2:.0f} {y2:.0f}")
"""
CLASSES = """
logits = found["logits"][0].astype(np.float64)
logits = np.array([0, *logits]) if len(logits) == 1 else logits
shares = np.exp(logits - logits.max())
for share, name in sorted(zip(shares / shares.sum(), names), reverse=True)[:10]:
    print(f"{name} {share:.3f}")
"""
FIT = """
shares, rule = np.sort(shares / shares.sum())[::-1], about.get("rejection")
fit = {
    "energy": logits.max() + np.log(np.exp(logits - logits.max()).sum()),
    "max logit": logits.max(),
    "max probability": shares[0],
    "margin": shares[0] - shares[1],
    "negative entropy": (shares * np.log(np.maximum(shares, 1e-300))).sum(),
}
if rule and fit[rule["score"]] < rule["threshold"]:
    print("outside of all classes, or too uncertain: not answered")
"""
TAGS = """
columns = ["O", *(part + "-" + name for name in names for part in "BI")]
seen = set()
for token, word in enumerate(encoded.word_ids):
    if word is not None and word not in seen:  # the first token of a word stands for it
        seen.add(word)
        print(text[slice(*offsets[word])], columns[int(found["tags"][0, token].argmax())])
"""
ANSWER = {
    "tagging": TAGS,
    "classification": CLASSES,
    "intent": CLASSES + FIT[1:],
    "multilabel": """
for logit, name in zip(found["logits"][0], names):
    print(f"{name} {1 / (1 + np.exp(-logit)):.3f}")
""",
    "counting": """
print(f"{next(iter(found.values()))[0].sum():.1f} objects")
""",
    "anomaly": """
heat, weights = np.pad(found["distances"][0, :, :, 0], 3, mode="edge"), np.exp(-np.arange(-3, 4) ** 2 / 1.28)
for _ in range(2):  # a Gaussian blur of 0.8 cells, along one axis and then the other
    heat = np.apply_along_axis(np.convolve, 0, heat, weights / weights.sum(), "valid").T
print(f"score {heat.max():.3f}, alarm from {about['thresholds'].get('alarm')} on")
""",
    "forecast": """
series = about["series"]
middle = series["quantiles"].index(0.5)
for sensor, values in zip(series["sensors"], found["quantiles"][0, :, :, middle].T):
    print(sensor, *(f"{value:.1f}" for value in values), series["units"][0])
""",
}
ANY = """
print({name: array.shape for name, array in found.items()})
"""


def example_script(about: Mapping[str, Any], page: str) -> str:
    """Return the source of the script.

    Args:
        about: the file's description.
        page: of the output, which says what its numbers mean.
    """
    fmt, variant = about["format"], about["variant"]
    source = find_source(about)
    modules = [name for name in ("re", "sys") if f"{name}." in source.code]
    top = TOP.format(
        model=about["model"],
        argument=source.argument,
        packages=source.packages,
        package=PACKAGES[fmt],
        modules="".join(f"import {name}\n" for name in modules),
        imports=IMPORTS[fmt] + "\n" + source.imports,
    )
    return top + (source.code + RUN[fmt]).replace("\n\n", "\n") + _answer(about, variant, page)


def _answer(about: Mapping[str, Any], variant: str, page: str) -> str:
    if variant == graphs.PLAIN:
        return ANSWER.get(page, ANY)
    decode = {
        graphs.RAW: FROM_RAW + GREEDY_NMS,
        graphs.DECODED: FROM_DECODED + GREEDY_NMS,
        graphs.NMS: FROM_NMS,
    }
    least = '\nTHRESHOLD = about["thresholds"].get("best F1", 0.3)\n'
    return (least + decode[variant] + PRINT_BOXES).replace("\n\n", "\n")
