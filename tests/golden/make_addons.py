"""Write addons.npz and addons_losses.npz: what tensorflow-addons 0.23.0 itself makes of small images and numbers.

It loads beside TensorFlow 2.15 at the latest, so it gets an environment of its own (Linux on x86-64, Python 3.9 to
3.11), here next to the repository:

    python3.11 -m venv ../addons
    ../addons/bin/pip install "tensorflow-cpu==2.15.1" "tensorflow-addons==0.23.0"
    ../addons/bin/python tests/golden/make_addons.py

Both files hold arrays to be fed in, `cases` (JSON: a list of {"id", "function", "inputs": names of such arrays,
"arguments"}), `signatures` (JSON: of each function its arguments with their defaults, null for none) and one array a
case, the result, under the case's id. A second run writes the same bytes.
"""

import inspect
import itertools
import json
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

FOLDER = Path(__file__).parent
INTERPOLATIONS = ("nearest", "bilinear")
FILL_MODES = ("constant", "reflect", "wrap", "nearest")
# One row for each of two images. None puts a pixel right between two others, where the last bit decides.
ANGLES = [0.5, -2.0]
TRANSLATIONS = [[3.0, -2.25], [-7.3, 4.6]]
TRANSFORMS = [
    [1.213, 0.317, -2.129, -0.211, 0.907, 1.331, 0.0, 0.0],
    [0.823, -0.109, 3.307, 0.151, 1.117, -1.709, 0.0041, -0.0063],
]
VALUES = {
    "rotate": ("angles", ANGLES),
    "transform": ("transforms", TRANSFORMS),
    "translate": ("translations", TRANSLATIONS),
}


def images():
    """Return the images fed in: uint8 0..255, float32 0..1 in steps that compress."""
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, (2, 9, 14, 1)).astype(np.uint8)
    image = rng.integers(0, 256, (8, 11, 3)).astype(np.uint8)
    whole = {"batch_uint8": batch, "picture_uint8": image, "plane_uint8": image[..., 0]}
    floats = {
        name.replace("uint8", "float32"): array.astype(np.float32) / 256 for name, array in whole.items()
    }
    square = {"square_uint8": rng.integers(0, 256, (9, 9, 2)).astype(np.uint8)}
    others = ("int32", "int64", "float16", "float64")
    return whole | floats | square | {f"plane_{name}": image[..., 0].astype(name) for name in others}


def case(function, inputs, label, **arguments):
    """Return one entry of `cases`."""
    inputs = [inputs] if isinstance(inputs, str) else inputs
    words = [function, *inputs[:1], label]
    return {
        "id": "-".join(filter(None, words)),
        "function": function,
        "inputs": inputs,
        "arguments": arguments,
    }


def every_mode():
    """Yield each function with each type, interpolation and fill, on batches, an own value for each image."""
    for function, (argument, values) in VALUES.items():
        modes = itertools.product(("batch_uint8", "batch_float32"), INTERPOLATIONS, FILL_MODES)
        for inputs, interpolation, fill_mode in modes:
            arguments = {argument: values, "interpolation": interpolation, "fill_mode": fill_mode}
            yield case(function, inputs, f"{interpolation}-{fill_mode}", **arguments)


def every_input():
    """Yield each function with other ranks and types, and one value for a whole batch; defaults for the rest."""
    for function, (argument, values) in VALUES.items():
        for name in images():
            if not name.startswith("square"):
                yield case(function, name, "defaults", **{argument: values[0]})
        for name in ("picture_uint8", "image_float32", "plane_int32", "plane_float16", "plane_float64"):
            yield case(function, name, "bilinear", **{argument: values[1]}, interpolation="bilinear")
        for name, fill in (("batch_uint8", 114.0), ("batch_float32", 0.5), ("plane_int64", -7)):
            for interpolation in INTERPOLATIONS:
                arguments = {argument: values[0], "interpolation": interpolation, "fill_value": fill}
                yield case(function, name, f"{interpolation}-filled", **arguments)


def special():
    """Yield what only one of the functions can."""
    for degrees in (0, 90, 180, -90, 360):
        yield case("rotate", "square_uint8", f"{degrees}-degrees", angles=degrees * np.pi / 180)
    for size_hw, interpolation in itertools.product([(5, 16), (13, 6), (1, 1)], INTERPOLATIONS):
        arguments = {"transforms": TRANSFORMS[1], "output_shape": size_hw, "interpolation": interpolation}
        yield case("transform", "picture_uint8", f"{interpolation}-{size_hw[0]}x{size_hw[1]}", **arguments)
    yield case("transform", "batch_float32", "5x16", transforms=TRANSFORMS, output_shape=(5, 16))
    yield case("translate", "picture_uint8", "whole", translations=[-2, 5], interpolation="bilinear")
    yield case("translate", "picture_uint8", "out-of-sight", translations=[50, 0], fill_value=9.0)
    yield case("translate", "plane_uint8", "wrapped-afar", translations=[40, -31], fill_mode="wrap")
    yield case("translate", "plane_uint8", "reflected-afar", translations=[40, -31], fill_mode="reflect")


def cutouts():
    """Yield masks inside, across the edges and larger than the image."""
    for name in ("batch_uint8", "batch_float32"):
        yield case("cutout", name, "defaults", mask_size=4)
        yield case("cutout", name, "inside", mask_size=[4, 6], offset=[5, 8], constant_values=7)
    for label, size, offset in (
        ("far-corner", [6, 4], [9, 14]),
        ("edge", 8, [8, 0]),
        ("own-places", [2, 6], [[3, 4], [7, 12]]),
        ("larger-than-the-image", [40, 40], [6, 8]),
        ("higher-than-the-image", [10, 2], [4, 8]),
        ("nothing", 0, [6, 8]),
    ):
        yield case("cutout", "batch_uint8", label, mask_size=size, offset=offset, constant_values=255)


def numbers():
    """Return what the losses and the metric are fed."""
    rng = np.random.default_rng(1)
    corners = np.sort(rng.uniform(0, 20, (8, 2, 2)), axis=1).reshape(8, 4)
    near = corners + rng.normal(0, 1.5, (8, 4))
    # y1 x1 y2 x2: the same box, one inside the other, far apart, touching, without area, inverted.
    by_hand = np.array(
        [
            [[2, 2, 6, 6], [2, 2, 6, 6]],
            [[0, 0, 10, 10], [2, 3, 4, 8]],
            [[0, 0, 1, 1], [15, 15, 18, 19]],
            [[0, 0, 4, 4], [4, 0, 8, 4]],
            [[3, 3, 3, 3], [1, 1, 5, 5]],
            [[6, 6, 2, 2], [2, 2, 6, 6]],
        ]
    )
    embeddings = rng.normal(size=(10, 5))
    scores = rng.uniform(size=(12, 4))
    arrays = {
        "truth": rng.integers(0, 2, (6, 4)),
        "logits": rng.normal(0, 3, (6, 4)),
        "boxes": np.concatenate([corners, by_hand[:, 0]]),
        "boxes_predicted": np.concatenate([near, by_hand[:, 1]]),
        "identities": np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3]),
        "embeddings": embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True),
        "same": rng.integers(0, 2, 9),
        "distances": rng.uniform(0, 2.5, 9),
        "one_label": np.eye(4)[[0, 0, 1, 2, 2, 2, 1, 0, 2, 1, 1, 2]],  # none of the last class
        "many_labels": rng.integers(0, 2, (12, 4)),
        "scores": np.where(np.arange(12)[:, None] == 5, 0.0, scores),  # one row says nothing at all
        "weights": rng.uniform(0, 2, 12),
    }
    arrays["probabilities"] = 1 / (1 + np.exp(-arrays["logits"]))
    whole = ("truth", "identities", "same")
    return {name: array.astype(np.int32 if name in whole else np.float32) for name, array in arrays.items()}


def losses():
    """Yield each loss with its defaults and with each argument that matters."""
    focal = {"defaults": {}, "alpha-gamma": {"alpha": 0.6, "gamma": 1.5}, "gamma-0": {"gamma": 0.0}}
    focal |= {"alpha-0": {"alpha": 0.0}}
    for label, arguments in focal.items():
        yield case("sigmoid_focal_crossentropy", ["truth", "probabilities"], label, **arguments)
        yield case(
            "sigmoid_focal_crossentropy",
            ["truth", "logits"],
            f"{label}-logits",
            **arguments,
            from_logits=True,
        )
    for mode in ("giou", "iou"):
        yield case("giou_loss", ["boxes", "boxes_predicted"], mode, mode=mode)
    for metric, margin in itertools.product(("L2", "squared-L2", "angular"), (1.0, 0.2)):
        arguments = {"margin": margin, "distance_metric": metric}
        yield case("triplet_semihard_loss", ["identities", "embeddings"], f"{metric}-{margin}", **arguments)
    for margin in (1.0, 2.0):
        yield case("contrastive_loss", ["same", "distances"], f"margin-{margin}", margin=margin)


def scores():
    """Yield F1 by every average, of the best class and of those above a threshold."""
    for average, threshold in itertools.product((None, "micro", "macro", "weighted"), (None, 0.5)):
        arguments = {"num_classes": 4, "average": average, "threshold": threshold}
        labels = "one_label" if threshold is None else "many_labels"
        yield case("F1Score", [labels, "scores"], f"{average}-{threshold}", **arguments)
        yield case("F1Score", [labels, "scores", "weights"], f"{average}-{threshold}-weighted", **arguments)


def named(function):
    """Return a function or class of tensorflow-addons."""
    modules = (tfa.image, tfa.losses, tfa.metrics)
    return next(getattr(module, function) for module in modules if hasattr(module, function))


def signature(function):
    """Return the arguments of a function or class: [[name, default], ...]."""
    function = named(function)
    taken = inspect.signature(getattr(function, "python_function", function)).parameters.values()
    return [[p.name, None if p.default is p.empty else p.default] for p in taken if p.kind != p.VAR_KEYWORD]


def result_of(case, arrays):
    """Return what tensorflow-addons makes of a case; a metric is fed in two parts."""
    inputs = [tf.constant(arrays[name]) for name in case["inputs"]]
    if case["function"] == "F1Score":
        metric = tfa.metrics.F1Score(**case["arguments"])
        for part in (slice(None, 7), slice(7, None)):
            metric.update_state(*[array[part] for array in inputs])
        return metric.result().numpy()
    return named(case["function"])(*inputs, **case["arguments"]).numpy()


def write(name, arrays, cases):
    """Write one file of inputs, cases and results."""
    results = {case["id"]: result_of(case, arrays) for case in cases}
    if len(results) != len(cases):
        raise ValueError(f"{name}: two cases have one id")
    signatures = {function: signature(function) for function in sorted({case["function"] for case in cases})}
    np.savez_compressed(
        FOLDER / name, **arrays, **results, cases=json.dumps(cases), signatures=json.dumps(signatures)
    )


if __name__ == "__main__":
    write("addons.npz", images(), [*every_mode(), *every_input(), *special(), *cutouts()])
    write("addons_losses.npz", numbers(), [*losses(), *scores()])
