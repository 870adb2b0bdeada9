"""A detector of white cells as an exported folder: one box of 8 x 8 pixels for each cell of its 32 x 64 input."""

import json

import numpy as np
import pytest

SIZE_HW, CELL = (32, 64), 8


@pytest.fixture(scope="session")
def white_cells(tmp_path_factory):
    """Its classes are plate and car; both have the brightness of a cell's darkest pixel as their score."""
    onnx = pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("white_cells")
    rows, columns = SIZE_HW[0] // CELL, SIZE_HW[1] // CELL
    y, x = np.mgrid[:rows, :columns].reshape(2, -1) * CELL
    boxes = np.stack([x, y, x + CELL, y + CELL], axis=-1).astype(np.float32)[None]
    arrays = {"grid": boxes, "scale": np.float32(-1 / 255), "shape": np.array([1, -1, 1])}
    node = onnx.helper.make_node
    nodes = [
        node("Transpose", ["images"], ["planes"], perm=[0, 3, 1, 2]),
        node("Mul", ["planes", "scale"], ["dark"]),
        node("MaxPool", ["dark"], ["darkest"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        node("ReduceMax", ["darkest"], ["cells"], axes=[1]),
        node("Neg", ["cells"], ["bright"]),
        node("Reshape", ["bright", "shape"], ["one"]),
        node("Concat", ["one", "one"], ["scores"], axis=2),
        node("Identity", ["grid"], ["boxes"]),
    ]
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "white_cells",
        [info("images", onnx.TensorProto.FLOAT, [1, *SIZE_HW, 3])],
        [info(name, onnx.TensorProto.FLOAT, None) for name in ("boxes", "scores")],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    about = {
        "model": "model.onnx",
        "variant": "decoded",
        "class_names": ["plate", "car"],
        "inputs": [
            {
                "name": "images",
                "dtype": "float32",
                "size_hw": SIZE_HW,
                "resize": {"mode": "letterbox", "pad_value": 0},
            }
        ],
        "outputs": [{"name": "boxes"}, {"name": "scores"}],
    }
    (folder / "preprocessing.json").write_text(json.dumps(about))
    return folder


@pytest.fixture
def scene():
    """A dark image, larger than the detector's input, and where its three white squares of 8 pixels are (x1, y1)."""
    places = [(16, 24), (120, 8), (152, 80)]
    image = np.random.default_rng(0).integers(0, 20, (96, 160, 3), np.uint8)
    for x, y in places:
        image[y : y + 8, x : x + 8] = 255
    return image, places
