"""A detector whose answers can be worked out by hand, as an exported folder, and a server of it."""

import io
import json
import time
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("fastapi")

SIDE = 32  # of its input, pixels; its four points are the quadrants
QUADRANTS = [[0, 0, 16, 16], [16, 0, 32, 16], [0, 16, 16, 32], [16, 16, 32, 32]]
NAMES = ["red", "blue"]


def write_quadrant_detector(folder, swap=False):
    """An exported folder: a quadrant's score for red and blue is the mean of that color, 0..1."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from cityzoo.runtime import probes
    from cityzoo.runtime.runtime_model import open_model

    folder.mkdir(parents=True)
    order = [2, 0] if swap else [0, 2]
    constants = {
        "channels": np.array(order, np.int64),
        "rows": np.array([0, 2, 4], np.int64),
        "full": np.array(255, np.float32),
        "corners": np.array([QUADRANTS], np.float32),
        "zero": np.array(0, np.float32),
    }
    nodes = [
        helper.make_node("Transpose", ["images"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["nchw"], ["means"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Gather", ["means", "channels"], ["chosen"], axis=1),
        helper.make_node("Reshape", ["chosen", "rows"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["points"], perm=[0, 2, 1]),
        helper.make_node("Div", ["points", "full"], ["scores"]),
        helper.make_node("ReduceMax", ["scores"], ["most"], axes=[1, 2], keepdims=1),
        helper.make_node("Mul", ["most", "zero"], ["nothing"]),
        helper.make_node("Add", ["corners", "nothing"], ["boxes"]),
    ]
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, [None, SIDE, SIDE, 3])
    found = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [None, 4, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 4, 2]),
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "quadrants", [given], found, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    about = {
        "schema": 1,
        "task": "quadrants",
        "output": "detection",
        "model": "model.onnx",
        "format": "onnx",
        "variant": "decoded",
        "precision": "float32",
        "class_names": NAMES,
        "inputs": [
            {
                "name": "images",
                "shape": [None, SIDE, SIDE, 3],
                "dtype": "float32",
                "size_hw": [SIDE, SIDE],
                "resize": {"mode": "letterbox", "pad_value": 114},
            }
        ],
        "outputs": [],
        "thresholds": {"best F1": 0.6},
    }
    (folder / "preprocessing.json").write_text(json.dumps(about))
    file = open_model(folder / "model.onnx")
    images = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3)).astype(np.float32)
    probes.write(folder, images, file.named_outputs)
    proof = {"passed": True, "sha256": file.digest, "probes": probes.differences(file, folder)}
    (folder / "parity.json").write_text(json.dumps(proof))
    return folder


@pytest.fixture(scope="session")
def detector(tmp_path_factory):
    """The folder of the detector."""
    return write_quadrant_detector(tmp_path_factory.mktemp("detector") / "onnx")


@pytest.fixture(scope="session")
def make_client(detector):
    """A function from settings to a client of a server of the detector, and to its services."""
    from starlette.testclient import TestClient

    from cityzoo.serve.app import make_app
    from cityzoo.serve.server import make_services
    from cityzoo.serve.settings import Settings

    @contextmanager
    def make(path=detector, **settings):
        services = make_services(Settings(models=path, threads=1, **settings))
        with TestClient(make_app(services)) as client:
            until = time.monotonic() + 20
            while client.get("/v2/health/ready").status_code != 200 and time.monotonic() < until:
                time.sleep(0.01)
            client.services = services
            yield client

    return make


@pytest.fixture(scope="session")
def client(make_client):
    """A client of a server of the detector, with the default settings."""
    with make_client() as made:
        yield made


@pytest.fixture
def image():
    """(64, 128, 3): red in the left half, so that the network sees it between gray bars."""
    pixels = np.zeros((64, 128, 3), np.uint8)
    pixels[:, :64, 0] = 255
    return pixels


@pytest.fixture
def png(image):
    """The same as the bytes of a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
