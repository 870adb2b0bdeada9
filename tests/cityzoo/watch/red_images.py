"""An exported classifier that takes red for fire and gray for smoke, for the tests of watch."""

import json

import numpy as np
import pytest

SIZE_HW = (8, 16)


@pytest.fixture(scope="session")
def red_images(tmp_path_factory):
    """An image of which all pixels are (255, 0, 0) is fire with 0.99, (128, 128, 128) smoke with 0.99."""
    onnx = pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("red_images")
    most = 9.19  # logit: 4.595 is that of 0.99
    weights = np.array([[most, -most], [-most, most], [0, most]], np.float32) / 255
    arrays = {"weights": weights, "bias": np.array([-most / 2, 0], np.float32)}
    node, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes = [
        node("ReduceMean", ["images"], ["means"], axes=[1, 2], keepdims=0),
        node("Gemm", ["means", "weights", "bias"], ["logits"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "red_images",
        [info("images", onnx.TensorProto.FLOAT, [None, *SIZE_HW, 3])],
        [info("logits", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    resize = {"mode": "stretch"}
    about = {
        "model": "model.onnx",
        "variant": "plain",
        "output": "multilabel",
        "class_names": ["fire", "smoke"],
        "inputs": [{"name": "images", "dtype": "float32", "size_hw": SIZE_HW, "resize": resize}],
        "thresholds": {"alarm: fire": 0.6},
    }
    (folder / "preprocessing.json").write_text(json.dumps(about))
    return folder
