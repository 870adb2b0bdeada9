"""The server through HTTP: answers worked out by hand, both protocols, and what it refuses."""

import io
import json
import struct
import threading
import time

import numpy as np
import pytest
from PIL import Image

from tests.cityzoo.serve.conftest import QUADRANTS, SIDE

# The image becomes 32 x 16 pixels between bars of gray 114: a quadrant holds as much of it as of gray.
RED = (114 + 255) / 2 / 255
BOXES = [[0, 0, 64, 32], [0, 32, 64, 64]]
INFER = "/v2/models/quadrants/infer"


def tensor(array, **changes):
    """A request for inference with one input, as JSON."""
    row = {"name": "images", "shape": list(array.shape), "datatype": "FP32", "data": array.ravel().tolist()}
    return {"id": "seven", "inputs": [{**row, **changes}]}


@pytest.fixture
def given():
    """Two images as the network takes them."""
    return np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)


def test_painted_quadrants_are_found_again(client, png):
    answer = client.post("/predict", content=png, headers={"X-Request-Id": "mine"}).json()
    assert [found["class"] for found in answer["detections"]] == ["red", "red"]
    assert [found["box"] for found in answer["detections"]] == BOXES
    assert answer["detections"][0]["score"] == pytest.approx(RED, abs=1e-3)
    assert answer["threshold"] == 0.6
    assert (answer["model"], answer["version"], answer["request_id"]) == ("quadrants", 1, "mine")
    assert set(answer["seconds"]) >= {"decode", "infer", "post", "total"}


def test_a_threshold_of_the_request_replaces_that_of_the_report(client, png):
    assert len(client.post("/predict?threshold=0.2", content=png).json()["detections"]) == 8
    assert client.post("/predict?threshold=0.9", content=png).json()["detections"] == []


def test_several_files_of_a_form_are_answered_in_their_order(client, png):
    blue = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (0, 0, 255)).save(blue, "JPEG")
    files = [("file", ("a.png", png)), ("file", ("b.jpg", blue.getvalue()))]
    answer = client.post("/predict/quadrants", files=files).json()
    assert [each["detections"][0]["class"] for each in answer["answers"]] == ["red", "blue"]
    assert [each["image_size_hw"] for each in answer["answers"]] == [[64, 128], [SIDE, SIDE]]


def test_tensors_as_json_and_as_binary_data_get_the_same_numbers(client, given):
    as_json = client.post(INFER, json=tensor(given)).json()
    assert (as_json["id"], as_json["model_name"], as_json["model_version"]) == ("seven", "quadrants", "1")
    scores = next(row for row in as_json["outputs"] if row["name"] == "scores")
    wanted = np.stack(
        [[given[:, y1:y2, x1:x2, c].mean(axis=(1, 2)) for c in (0, 2)] for x1, y1, x2, y2 in QUADRANTS]
    )
    np.testing.assert_allclose(
        np.reshape(scores["data"], scores["shape"]), wanted.transpose(2, 0, 1) / 255, rtol=1e-5
    )

    head = tensor(given)
    del head["inputs"][0]["data"]
    head["inputs"][0]["parameters"] = {"binary_data_size": given.nbytes}
    head["outputs"] = [{"name": "scores", "parameters": {"binary_data": True}}]
    text = json.dumps(head).encode()
    length = "Inference-Header-Content-Length"
    response = client.post(INFER, content=text + given.tobytes(), headers={length: str(len(text))})
    end = int(response.headers[length])
    (row,) = json.loads(response.content[:end])["outputs"]
    assert row["parameters"]["binary_data_size"] == len(response.content) - end
    found = np.frombuffer(response.content[end:], np.float32)
    np.testing.assert_allclose(found, scores["data"])


def test_image_files_as_bytes_are_fitted_by_the_server(client, png):
    blob = struct.pack("<I", len(png)) + png
    parameters = {"binary_data_size": len(blob)}
    head = {"inputs": [{"name": "file", "shape": [1], "datatype": "BYTES", "parameters": parameters}]}
    text = json.dumps(head).encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    response = client.post(INFER, content=text + blob, headers=headers).json()
    scores = next(row["data"] for row in response["outputs"] if row["name"] == "scores")
    assert scores[0] == pytest.approx(RED, abs=1e-3)


def test_what_the_protocol_asks_about_server_and_model(client):
    assert client.get("/v2/health/live").json() == {"live": True}
    assert "binary_tensor_data" in client.get("/v2").json()["extensions"]
    about = client.get("/v2/models/quadrants/versions/1").json()
    assert about["inputs"] == [{"name": "images", "datatype": "FP32", "shape": [-1, SIDE, SIDE, 3]}]
    assert [row["name"] for row in about["outputs"]] == ["boxes", "scores"]
    assert client.get("/v2/models/quadrants/ready").json()["ready"]


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"datatype": "FP64"}, 400, "FP64"),
        ({"datatype": "WORDS"}, 400, "datatype"),
        ({"datatype": {"a": 1}}, 400, "datatype"),
        ({"shape": [2, SIDE, SIDE]}, 400, "needs"),
        ({"shape": [1, 2 * SIDE, SIDE, 3]}, 400, "takes [-1, 32, 32, 3]"),
        ({"shape": [0, SIDE, SIDE, 3], "data": []}, 400, "empty batch"),
        ({"shape": [-1]}, 400, "list of sizes"),
        ({"shape": [2**31, 2**31]}, 400, "list of sizes"),
        ({"name": "pictures"}, 400, "takes images"),
        ({"name": None}, 400, "name"),
        ({"data": "words"}, 400, "list"),
        ({"data": [[1, 2], [3]]}, 400, "numbers"),
        ({"data": None}, 400, "no data"),
        ({"parameters": {"binary_data_size": 10**9}}, 400, "left"),
        ({"parameters": 3}, 400, "dict"),
    ],
)
def test_malformed_tensors_are_refused(client, given, changes, status, word):
    response = client.post(INFER, json=tensor(given, **changes))
    assert response.status_code == status
    assert word in response.json()["error"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(client, given, number):
    text = json.dumps(tensor(given)).replace("[[", "[").replace(f"{given.flat[0]}", number, 1)
    response = client.post(INFER, content=text)
    assert response.status_code == 400
    assert "NaN or infinite" in response.json()["error"]


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/predict/nothing", b"x", 404),
        ("/predict?version=9", None, 404),
        ("/predict?version=one", None, 404),
        ("/predict?threshold=high", None, 400),
        ("/predict?camera=" + "c" * 65, None, 400),
        ("/predict", b"", 400),
        ("/predict", b"time,a\n1,2\n", 415),
        (INFER, b"[]", 400),
        (INFER, b"{", 400),
        (INFER, b"[" * 100_000, 400),
        (INFER, b'{"inputs": []}', 400),
        ("/v2/models/quadrants/versions/0/infer", b"{}", 404),
        ("/nowhere", b"", 404),
    ],
)
def test_bad_requests_get_one_line(client, png, path, content, status):
    response = client.post(path, content=png if content is None else content)
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert response.headers["X-Request-Id"]


def test_a_damaged_image_and_one_that_is_too_large(client, png):
    assert client.post("/predict", content=png[: len(png) // 2]).status_code == 422
    large = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(large, "PNG")
    assert len(large.getvalue()) < 20_000
    response = client.post("/predict", content=large.getvalue())
    assert response.status_code == 413
    assert "100.0 megapixels" in response.json()["error"]


def test_a_body_is_counted_while_it_arrives(make_client):
    with make_client(max_body_mb=0.001) as small:
        assert small.post("/predict", content=b"x" * 2000).status_code == 413

        def parts():
            yield from [b"x" * 600] * 3

        assert small.post("/predict", content=parts()).status_code == 413


class Slow:
    """A model's file that takes its time."""

    def __init__(self, file, seconds):
        self.file, self.seconds = file, seconds

    def __getattr__(self, name):
        return getattr(self.file, name)

    def named_outputs(self, feeds):
        time.sleep(self.seconds)
        return self.file.named_outputs(feeds)


def test_a_full_queue_sheds_and_deadlines_expire(make_client, png, monkeypatch):
    with make_client(max_queue=2, max_batch=1) as busy:
        model = busy.services.repository.route("quadrants").primary
        monkeypatch.setattr(model, "file", Slow(model.file, 0.3))
        found = []

        def ask(**headers):
            found.append(busy.post("/predict", content=png, headers=headers))

        asking = [threading.Thread(target=ask) for _ in range(6)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        codes = [response.status_code for response in found]
        assert set(codes) == {200, 429}
        assert all(int(each.headers["Retry-After"]) >= 1 for each in found if each.status_code == 429)
        late = busy.post("/predict", content=png, headers={"X-Request-Timeout": "0.05"})
        assert late.status_code == 504
        assert busy.post("/predict", content=png, headers={"X-Request-Timeout": "soon"}).status_code == 400


def test_an_internal_error_tells_its_request_and_nothing_else(make_client, png, monkeypatch):
    with make_client() as broken:
        model = broken.services.repository.route("quadrants").primary

        class Raising(Slow):
            def named_outputs(self, feeds):
                raise RuntimeError("a secret path")

        monkeypatch.setattr(model, "file", Raising(model.file, 0))
        response = broken.post("/predict", content=png, headers={"X-Request-Id": "r7"})
        assert response.status_code == 500
        assert "r7" in response.json()["error"]
        assert "secret" not in response.text


def test_metrics_count_requests(make_client, png):
    with make_client() as counted:
        for _ in range(3):
            counted.post("/predict", content=png, headers={"X-Camera": "north"})
        counted.post("/predict", content=b"nothing")
        text = counted.get("/metrics").text
        assert 'cityzoo_requests_total{code="200",model="quadrants",version="1"} 3.0' in text
        assert 'cityzoo_requests_total{code="415",model="quadrants",version="1"} 1.0' in text


def test_models_are_loaded_and_unloaded_by_the_extension(make_client, png):
    with make_client() as managed:
        rows = managed.post("/v2/repository/index").json()
        assert [(row["name"], row["version"], row["state"]) for row in rows] == [("quadrants", "1", "READY")]
        assert managed.post("/v2/repository/models/quadrants/unload").status_code == 403
