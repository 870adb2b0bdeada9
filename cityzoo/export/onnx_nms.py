"""Non-maximum suppression appended to the ONNX graph of a decoded detector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from heads.detection_decode import BEFORE_NMS

SCORE, IOU, MOST = 0.001, 0.65, 100  # as `heads.detection_decode.decode_detections`


def append_nms(path: Path, score: float = SCORE, iou: float = IOU, most: int = MOST) -> None:
    """Replace the outputs `boxes` and `scores` of all points by the detections of each image, class by class.

    The outputs are `boxes` (B, n, 4) and `scores` (B, n) float32, best first, `classes` (B, n) int64 and
    `num_detections` (B,) int64; n is `most`, or the number of (point, class) pairs if that is smaller. Rows of padding
    are -1.

    Args:
        path: of the file, which is replaced.
        score: lowest score of a detection, 0..1.
        iou: highest IoU that two detections of one class may have.
        most: maximum number of detections of an image.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    for node in graph.node:
        for name in ("boxes", "scores"):
            node.output[:] = [f"all_{name}" if each == name else each for each in node.output]
            node.input[:] = [f"all_{name}" if each == name else each for each in node.input]
    batch, points, classes = _sides(next(each for each in graph.output if each.name == "scores"))
    rows = min(most, points * classes)
    graph.node.extend(_nodes())
    constants: dict[str, np.ndarray] = {
        "nms_most": np.array([most], np.int64),
        "nms_iou": np.array([iou], np.float32),
        "nms_score": np.array([score], np.float32),
        "nms_before": np.array([min(BEFORE_NMS, points * classes)], np.int64),
        "nms_rows": np.array([rows], np.int64),
        "nms_points": np.array(points, np.int64),
        "nms_flat": np.array([0, -1], np.int64),
        "nms_last": np.array([1], np.int64),
        "nms_zero": np.array(0, np.float32),
        "nms_none": np.array(-1, np.float32),
        "nms_no_class": np.array(-1, np.int64),
        "nms_two": np.array([2], np.int64),
    }
    graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in constants.items())
    del graph.output[:]
    for name, kind, shape in (
        ("boxes", onnx.TensorProto.FLOAT, (batch, rows, 4)),
        ("classes", onnx.TensorProto.INT64, (batch, rows)),
        ("num_detections", onnx.TensorProto.INT64, (batch,)),
        ("scores", onnx.TensorProto.FLOAT, (batch, rows)),
    ):
        graph.output.append(onnx.helper.make_tensor_value_info(name, kind, shape))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _sides(tensor: Any) -> list[Any]:
    return [side.dim_param or side.dim_value for side in tensor.type.tensor_type.shape.dim]


def _nodes() -> list[Any]:
    # What NMS keeps of all images is one list; scattered into a tensor of zeros it becomes one row an image.
    from onnx import helper

    limits = ["nms_most", "nms_iou", "nms_score"]
    steps: list[tuple[str, list[str], list[str], dict[str, Any]]] = [
        ("Transpose", ["all_scores"], ["nms_by_class"], {"perm": [0, 2, 1]}),
        # Only the best pairs of an image take part.
        ("Reshape", ["nms_by_class", "nms_flat"], ["nms_all_pairs"], {}),
        ("TopK", ["nms_all_pairs", "nms_before"], ["nms_considered", "nms_unused"], {"axis": 1}),
        ("ReduceMin", ["nms_considered"], ["nms_least_flat"], {"axes": [1]}),
        ("Unsqueeze", ["nms_least_flat", "nms_two"], ["nms_least"], {}),
        ("GreaterOrEqual", ["nms_by_class", "nms_least"], ["nms_is_considered"], {}),
        ("Where", ["nms_is_considered", "nms_by_class", "nms_zero"], ["nms_scores"], {}),
        ("NonMaxSuppression", ["all_boxes", "nms_scores", *limits], ["nms_kept"], {}),
        ("GatherND", ["nms_by_class", "nms_kept"], ["nms_kept_scores"], {}),
        ("Mul", ["nms_by_class", "nms_zero"], ["nms_zeros"], {}),
        ("ScatterND", ["nms_zeros", "nms_kept", "nms_kept_scores"], ["nms_sparse"], {}),
        ("Reshape", ["nms_sparse", "nms_flat"], ["nms_pairs"], {}),
        ("TopK", ["nms_pairs", "nms_rows"], ["nms_best", "nms_places"], {"axis": 1}),
        ("Greater", ["nms_best", "nms_zero"], ["nms_real"], {}),
        ("Where", ["nms_real", "nms_best", "nms_none"], ["scores"], {}),
        ("Div", ["nms_places", "nms_points"], ["nms_classes"], {}),
        ("Where", ["nms_real", "nms_classes", "nms_no_class"], ["classes"], {}),
        ("Mod", ["nms_places", "nms_points"], ["nms_rows_of_boxes"], {}),
        ("Unsqueeze", ["nms_rows_of_boxes", "nms_two"], ["nms_indices"], {}),
        ("GatherND", ["all_boxes", "nms_indices"], ["nms_boxes"], {"batch_dims": 1}),
        ("Unsqueeze", ["nms_real", "nms_two"], ["nms_real_boxes"], {}),
        ("Where", ["nms_real_boxes", "nms_boxes", "nms_none"], ["boxes"], {}),
        ("Cast", ["nms_real"], ["nms_ones"], {"to": 7}),
        ("ReduceSum", ["nms_ones", "nms_last"], ["num_detections"], {"keepdims": 0}),
    ]
    return [
        helper.make_node(kind, given, found, name=f"nms_{number}_{kind}", **options)
        for number, (kind, given, found, options) in enumerate(steps)
    ]
