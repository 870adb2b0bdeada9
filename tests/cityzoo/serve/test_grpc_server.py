"""The protocol over gRPC: the same answers as over HTTP, and errors with gRPC's codes."""

import socket

import numpy as np
import pytest

grpc = pytest.importorskip("grpc")

from cityzoo.serve.grpc_messages import message_classes  # noqa: E402
from tests.cityzoo.serve.conftest import SIDE  # noqa: E402


@pytest.fixture(scope="module")
def call(make_client):
    """A function from a method's name and the fields of its request to the response; the HTTP client."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    types = message_classes()
    with make_client(grpc_port=port) as client, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:

        def ask(method, metadata=(), timeout=10, **fields):
            kind = types[f"{method}Response"]
            stub = channel.unary_unary(
                f"/inference.GRPCInferenceService/{method}",
                types[f"{method}Request"].SerializeToString,
                kind.FromString,
            )
            return stub(types[f"{method}Request"](**fields), timeout=timeout, metadata=metadata)

        ask.client, ask.types = client, types
        yield ask


@pytest.fixture
def given():
    return np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)


def test_health_and_metadata(call):
    assert call("ServerLive").live
    assert call("ServerReady").ready
    assert call("ModelReady", name="quadrants", version="1").ready
    about = call("ModelMetadata", name="quadrants")
    assert [(each.name, each.datatype, list(each.shape)) for each in about.inputs] == [
        ("images", "FP32", [-1, SIDE, SIDE, 3])
    ]


@pytest.mark.parametrize("is_raw", [True, False])
def test_tensors_get_the_answers_of_http(call, given, is_raw):
    tensor = call.types["InferTensor"](name="images", datatype="FP32", shape=given.shape)
    raw = [given.tobytes()] if is_raw else []
    if not is_raw:
        tensor.contents.fp32_contents.extend(given.ravel().tolist())
    found = call("ModelInfer", model_name="quadrants", id="seven", inputs=[tensor], raw_input_contents=raw)
    assert (found.id, found.model_version, [each.name for each in found.outputs]) == (
        "seven",
        "1",
        ["boxes", "scores"],
    )
    row = {"name": "images", "shape": given.shape, "datatype": "FP32", "data": given.ravel().tolist()}
    wanted = call.client.post("/v2/models/quadrants/infer", json={"inputs": [row]}).json()["outputs"][1]
    np.testing.assert_allclose(
        np.frombuffer(found.raw_output_contents[1], np.float32), wanted["data"], rtol=1e-6
    )


def test_image_files(call, png):
    tensor = call.types["InferTensor"](name="file", datatype="BYTES", shape=[1])
    tensor.contents.bytes_contents.append(png)
    output = call.types["InferRequestedOutput"](name="scores")
    found = call("ModelInfer", model_name="quadrants", inputs=[tensor], outputs=[output])
    scores = np.frombuffer(found.raw_output_contents[0], np.float32)
    assert scores.max() == pytest.approx((114 + 255) / 2 / 255, abs=1e-3)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model_name": "nothing"}, "INVALID_ARGUMENT"),
        ({"model_name": "quadrants", "raw_input_contents": [b"x"]}, "INVALID_ARGUMENT"),
        ({"model_name": "quadrants", "model_version": "one"}, "NOT_FOUND"),
    ],
)
def test_errors_have_codes(call, fields, code):
    with pytest.raises(grpc.RpcError) as error:
        call("ModelInfer", **fields)
    assert error.value.code().name == code


def test_unknown_models_are_not_found(call):
    with pytest.raises(grpc.RpcError) as error:
        call("ModelMetadata", name="nothing")
    assert error.value.code().name == "NOT_FOUND"
    assert "quadrants" in error.value.details()
