"""NMS in an ONNX graph against the NumPy one of the head."""

import numpy as np
import pytest

from cityzoo.export.onnx_nms import append_nms
from cityzoo.runtime.runtime_model import open_model
from heads.detection_decode import class_wise_nms

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def file(tmp_path):
    """A graph that returns its inputs: boxes and scores of 300 points and 3 classes."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    sides = {"boxes": ("batch", 300, 4), "scores": ("batch", 300, 3)}
    given = [helper.make_tensor_value_info(f"{name}_in", kind, shape) for name, shape in sides.items()]
    found = [helper.make_tensor_value_info(name, kind, shape) for name, shape in sides.items()]
    same = [helper.make_node("Identity", [f"{name}_in"], [name]) for name in sides]
    graph = helper.make_graph(same, "points", given, found)
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_detections_equal_those_of_the_head(file):
    rng = np.random.default_rng(2)
    corner = rng.uniform(0, 200, (4, 300, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(10, 60, (4, 300, 2))], axis=-1).astype("float32")
    scores = rng.uniform(0, 1, (4, 300, 3)).astype("float32") ** 4
    scores[3] = 0.0001  # an image without detections
    append_nms(file, score=0.25, iou=0.5, most=60)
    found = open_model(file).named_outputs({"boxes_in": boxes, "scores_in": scores})
    assert found["boxes"].shape == (4, 60, 4)
    for row in range(4):
        wanted = class_wise_nms(boxes[row], scores[row], 0.25, 0.5, 60)
        count = int(found["num_detections"][row])
        assert count == len(wanted[0]) and (row < 3) == (count > 20)
        for name, array in zip(("boxes", "scores", "classes"), wanted, strict=True):
            np.testing.assert_array_equal(found[name][row][:count], array)
            assert (found[name][row][count:] == -1).all()
