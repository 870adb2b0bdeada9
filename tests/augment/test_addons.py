"""Held against what tensorflow-addons 0.23.0 made of the same images; tests/golden/make_addons.py wrote it down."""

import inspect
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from augment import addons, affine
from augment.warp import warp

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "addons.npz")
CASES = json.loads(str(GOLDEN["cases"]))
IMAGE = GOLDEN["picture_uint8"]
MOVES = {"rotate": 0.3, "transform": [1, 0, 2, 0, 1, -1, 0, 0], "translate": [2, -1]}
each_move = pytest.mark.parametrize(("function", "value"), MOVES.items())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_equals_tensorflow_addons(case):
    images, expected = GOLDEN[case["inputs"][0]], GOLDEN[case["id"]]
    moved = getattr(addons, case["function"])(images, **case["arguments"]).numpy()
    assert moved.dtype == expected.dtype
    blends = case["arguments"].get("interpolation") == "bilinear" and expected.dtype.kind == "f"
    if blends:
        step = float(np.finfo(expected.dtype).eps)
        np.testing.assert_allclose(moved, expected, rtol=max(1e-5, step), atol=1e-5)
    else:
        np.testing.assert_array_equal(moved, expected)


@pytest.mark.parametrize("function", [*MOVES, "cutout"])
def test_takes_the_arguments_of_tensorflow_addons(function):
    taken = inspect.signature(getattr(addons, function)).parameters.values()
    here = [(p.name, None if p.default is p.empty else p.default) for p in taken]
    there = [tuple(argument) for argument in json.loads(str(GOLDEN["signatures"]))[function]]
    assert [(name, tuple(v) if isinstance(v, list) else v) for name, v in there] == here


def test_the_golden_cases_cover_every_mode():
    def modes(case):
        arguments, inputs = case["arguments"], case["inputs"][0]
        return case["function"], inputs, arguments.get("interpolation"), arguments.get("fill_mode")

    inputs = ("batch_uint8", "batch_float32")
    wanted = set(itertools.product(MOVES, inputs, addons.INTERPOLATIONS, addons.FILL_MODES))
    assert wanted - set(map(modes, CASES)) == set()
    for function in MOVES:
        types = {GOLDEN[case["inputs"][0]].dtype.name for case in CASES if case["function"] == function}
        assert types == set(addons.DTYPES)
    assert sum(case["function"] == "cutout" for case in CASES) > 5


@pytest.mark.parametrize(
    "name", ["batch_float32-bilinear-wrap", "picture_uint8-defaults", "plane_int32-defaults"]
)
@each_move
def test_a_graph_that_knows_no_shape_gives_the_same(function, value, name):
    case = next(case for case in CASES if case["id"] == f"{function}-{name}")
    move = tf.function(
        lambda images: getattr(addons, function)(images, **case["arguments"]),
        input_signature=[tf.TensorSpec(None, GOLDEN[case["inputs"][0]].dtype)],
    )
    moved = move(GOLDEN[case["inputs"][0]])
    np.testing.assert_allclose(moved, GOLDEN[case["id"]], rtol=1e-5, atol=1e-5)
    assert moved.shape == GOLDEN[case["id"]].shape


@each_move
def test_a_data_set_keeps_its_static_shape(function, value):
    data = tf.data.Dataset.from_tensor_slices(IMAGE[None].repeat(5, 0)).batch(2)
    moved = data.map(lambda images: getattr(addons, function)(images, value, "bilinear", "reflect"))
    assert moved.element_spec == tf.TensorSpec((None, *IMAGE.shape), tf.uint8)
    single = getattr(addons, function)(IMAGE, value, "bilinear", "reflect")
    for batch in moved:
        np.testing.assert_array_equal(batch, [single] * len(batch))


def test_cutout_in_a_graph_keeps_its_static_shape():
    data = tf.data.Dataset.from_tensors((GOLDEN["batch_uint8"], [4, 6], [[5, 8]]))
    cut = data.map(lambda images, size, offset: addons.cutout(images, size, offset, 7))
    assert cut.element_spec == tf.TensorSpec(GOLDEN["batch_uint8"].shape, tf.uint8)
    np.testing.assert_array_equal(next(iter(cut)), GOLDEN["cutout-batch_uint8-inside"])


def test_cutout_takes_single_images_and_masks_out_of_sight():
    batch = IMAGE[None]
    for single, whole in ((IMAGE, batch), (IMAGE[..., 0], batch[..., :1])):
        expected = addons.cutout(whole, 4, (3, 5), 9)[0].numpy().reshape(single.shape)
        np.testing.assert_array_equal(addons.cutout(single, 4, (3, 5), 9), expected)
    np.testing.assert_array_equal(addons.cutout(IMAGE, 4, (-2, 5)), IMAGE)
    np.testing.assert_array_equal(addons.cutout(IMAGE, 4, (100, 5)), IMAGE)


@pytest.mark.parametrize("function", [*MOVES, "cutout"])
def test_no_images_are_no_error(function):
    value = MOVES.get(function, 2)
    assert getattr(addons, function)(tf.zeros((0, 4, 5, 3)), value).shape == (0, 4, 5, 3)


def test_a_turn_and_a_shift_mean_the_same_in_warp():
    height, width = IMAGE.shape[:2]
    about_middle = affine.about(affine.rotation(-30.0), width / 2, height / 2)
    turned = addons.rotate(IMAGE.astype(np.float32), math.radians(30), "bilinear", fill_value=114.0)
    np.testing.assert_allclose(
        turned, warp(IMAGE.astype(np.float32), about_middle, (height, width)), atol=1e-2
    )
    shifted = addons.translate(IMAGE.astype(np.float32), [2.5, -1.25], "bilinear", fill_value=114.0)
    np.testing.assert_allclose(
        shifted,
        warp(IMAGE.astype(np.float32), affine.translation(2.5, -1.25), (height, width)),
        atol=1e-2,
    )


def test_a_transform_is_the_way_back_and_half_a_pixel_off():
    matrix = affine.translation(3.0, 1.0) @ affine.rotation(20.0) @ affine.scaling(1.5, 1.2)
    half = affine.translation(0.5, 0.5)
    flat = (affine.invert(half) @ affine.invert(matrix) @ half).ravel()[:8]
    moved = addons.transform(
        IMAGE.astype(np.float32), flat, "bilinear", output_shape=(16, 24), fill_value=114.0
    )
    np.testing.assert_allclose(moved, warp(IMAGE.astype(np.float32), matrix, (16, 24)), atol=1e-2)


def test_gradients_flow_back_to_the_image():
    image = tf.Variable(tf.random.stateless_uniform((4, 6), (1, 2)))
    with tf.GradientTape() as tape:
        moved = addons.translate(image, [2, 0], "bilinear")
        loss = tf.reduce_sum(moved * tf.range(6, dtype=tf.float32))
    # Column x of the image becomes column x + 2, and the last two leave it.
    np.testing.assert_allclose(tape.gradient(loss, image), [[2, 3, 4, 5, 0, 0]] * 4, atol=1e-5)


def test_names_are_taken_in_capitals_too():
    moved = addons.rotate(IMAGE, 0.3, "BILINEAR", "Reflect")
    np.testing.assert_array_equal(moved, addons.rotate(IMAGE, 0.3, "bilinear", "reflect"))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"interpolation": "bicubic"}, "interpolation 'bicubic': allowed are nearest, bilinear"),
        ({"fill_mode": "mirror"}, "fill_mode 'mirror': allowed are constant, reflect, wrap, nearest"),
        ({"fill_value": (1, 2, 3)}, r"fill_value \(1, 2, 3\): expected one number"),
        ({"images": IMAGE.astype(np.uint16)}, "images of type uint16: cast them to one of uint8, int32"),
        ({"images": IMAGE[None, None]}, r"images of shape \(1, 1, 8, 11, 3\): give \(B, H, W, C\)"),
        ({"images": IMAGE[0, :, 0]}, r"images of shape \(11,\): give"),
    ],
    ids=["interpolation", "fill_mode", "fill_value", "type", "rank-5", "rank-1"],
)
@each_move
def test_bad_arguments_of_any_move(function, value, bad, said):
    with pytest.raises(ValueError, match=said):
        getattr(addons, function)(**{"images": IMAGE, argument_of(function): value, **bad})


def argument_of(function):
    return {"rotate": "angles", "transform": "transforms", "translate": "translations"}[function]


@pytest.mark.parametrize(
    ("function", "value", "said"),
    [
        ("rotate", [[0.1]], r"angles of shape \(1, 1\): give \(\) for all images or \('B',\)"),
        (
            "rotate",
            [0.1, 0.2, 0.3],
            r"angles of shape \(3,\) for 2 images: give one for all or for each",
        ),
        ("translate", [1, 2, 3], r"translations of shape \(3,\): give \(2,\) for all images or \('B', 2\)"),
        ("translate", 1.0, r"translations of shape \(\): give \(2,\)"),
        ("translate", [[1, 2]] * 3, r"translations of shape \(3, 2\) for 2 images"),
        ("transform", np.eye(3), r"transforms of shape \(3, 3\): give \(8,\) for all images or \('B', 8\)"),
        ("transform", np.zeros((3, 8)), r"transforms of shape \(3, 8\) for 2 images"),
        ("cutout", 3, "mask_size 3: give an even whole number"),
        ("cutout", (2, -4), r"mask_size \(2, -4\): give an even whole number"),
        ("cutout", (2, 4, 6), r"mask_size \(2, 4, 6\): give"),
        ("cutout", 4.0, "mask_size 4.0: give an even whole number"),
    ],
)
def test_bad_values(function, value, said):
    with pytest.raises(ValueError, match=said):
        getattr(addons, function)(GOLDEN["batch_uint8"], value)


@pytest.mark.parametrize("size", [(0, 5), (5,), (5, 6, 7), 5])
def test_bad_output_shapes(size):
    with pytest.raises(ValueError, match="give a height and a width, pixels, 1 or more"):
        addons.transform(IMAGE, MOVES["transform"], output_shape=size)


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        ((1, 2, 3), r"offset of shape \(3,\): give \(2,\)"),
        (((1, 2),) * 3, r"offset of shape \(3, 2\) for 2 images"),
        ((1.5, 2.5), "offset of type float32: give integers"),
    ],
)
def test_bad_offsets(offset, said):
    with pytest.raises(ValueError, match=said):
        addons.cutout(GOLDEN["batch_uint8"], 2, offset)


def test_an_odd_mask_that_only_the_graph_meets_is_refused():
    cut = tf.function(lambda size: addons.cutout(IMAGE, size), input_signature=[tf.TensorSpec((), tf.int32)])
    assert cut(4).shape == IMAGE.shape
    with pytest.raises(tf.errors.InvalidArgumentError, match="mask_size must be even"):
        cut(3)
