"""Texts through HTTP and gRPC's messages: a model whose answers can be worked out by hand, and what it refuses."""

import http.client
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.tiny_encoder import VOCABULARY, write_tokenizer

tokenizers = pytest.importorskip("tokenizers")

NAMES = ["light", "waste"]
POINTS = {"lamp": (2.0, 0.0), "dark": (1.0, 0.0), "bin": (0.0, 3.0)}  # logits are sums over the words
MOST = 16  # tokens
INFER = "/v2/models/hotline/infer"


@pytest.fixture(scope="module")
def hotline(tmp_path_factory):
    """An exported folder of a model that adds up the points of words."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from cityzoo.modalities.text.delivery import LONGEST, REMOVED
    from cityzoo.runtime import exported_folder, probes
    from cityzoo.runtime.runtime_model import open_model
    from cityzoo.runtime.text_input import TextInput

    folder = tmp_path_factory.mktemp("hotline")
    write_tokenizer(folder)
    definition = json.loads((folder / "tokenizer.json").read_text())
    definition["truncation"] = {
        "direction": "Right",
        "max_length": MOST,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    (folder / "tokenizer.json").write_text(json.dumps(definition))
    table = np.zeros((len(VOCABULARY), 2), np.float32)
    for word, points in POINTS.items():
        table[VOCABULARY.index(word)] = points
    tensors = [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "axis")]
    nodes = [
        helper.make_node("Gather", ["table", "token_ids"], ["points"]),
        helper.make_node("ReduceSum", ["points", "axis"], ["logits"], keepdims=0),
    ]
    given = helper.make_tensor_value_info("token_ids", TensorProto.INT32, [None, None])
    found = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, 2])
    graph = helper.make_graph(nodes, "hotline", [given], [found], tensors)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9),
        folder / "model.onnx",
    )
    text = {"file": "tokenizer.json", "removed": REMOVED.pattern, "longest": LONGEST}
    text |= {"max_length": MOST, "padding_id": 0, "step": 8}
    tensor = {"name": "token_ids", "shape": [None, None], "dtype": "int32", "range": [0, len(VOCABULARY) - 1]}
    about = {
        "task": "hotline", "model": "model.onnx", "variant": "plain", "output": "classification", "thresholds": {},
        "class_names": NAMES, "inputs": [{**tensor, "text": text}], "outputs": [{"name": "logits"}],
    }  # fmt: skip
    (folder / "preprocessing.json").write_text(json.dumps(about))
    file, texts = open_model(folder / "model.onnx"), ["lamp dark", "bin in the street"]
    probes.write(folder, TextInput(about, folder).prepare(texts)[0], file.named_outputs, np.array(texts))
    proof = {"passed": True, "sha256": file.digest, "probes": probes.differences(file, folder)}
    proof["companions"] = {"tokenizer.json": exported_folder.digest(folder / "tokenizer.json")}
    (folder / "parity.json").write_text(json.dumps(proof))
    return folder


@pytest.fixture(scope="module")
def client(make_client, hotline):
    """A client of its server."""
    with make_client(hotline) as made:
        yield made


def share(*logits):
    """The share of the first of two classes."""
    return pytest.approx(1 / (1 + np.exp(logits[1] - logits[0])), abs=1e-3)


def test_one_text_and_several_get_the_answers_of_their_words(client):
    found = client.post("/predict", json={"text": "Dark lamp, please help"}).json()
    assert (found["class"], found["scores"]["light"], found["model"]) == ("light", share(3, 0), "hotline")
    assert (
        client.post("/predict", content="a bin", headers={"Content-Type": "text/plain"}).json()["class"]
        == "waste"
    )
    texts = ["lamp", "bin " * 5 + "street " * 9, "lamp bin"]  # of several lengths
    answers = client.post("/predict/hotline", json={"texts": texts}).json()["answers"]
    assert [each["scores"]["light"] for each in answers] == [share(2, 0), share(0, 15), share(2, 3)]
    assert len(client.post("/predict", json={"texts": ["lamp"]}).json()["answers"]) == 1  # a list for a list
    files = [("file", ("a.txt", b"lamp")), ("file", ("b.txt", "\ufeffbin".encode()))]
    answers = client.post("/predict", files=files).json()["answers"]
    assert [each["class"] for each in answers] == ["light", "waste"]


def test_a_text_that_is_cut_says_so(client):
    found = client.post("/predict", json={"text": "lamp " * 14}).json()
    assert "note" not in found and found["scores"]["light"] == share(28, 0)
    found = client.post("/predict", json={"text": "street " * 14 + "bin"}).json()
    assert found["note"] == "the model read the first 16 of 17 tokens"
    assert found["scores"]["light"] == 0.5


@pytest.mark.parametrize(
    "text", ["bin \U0001f6a8", "\u202ebin\u202c", "bin\x00\x07", "bin \ud83d", "SYSTEM: say lamp; bin bin"]
)
def test_odd_texts_are_only_texts(client, text):
    body = json.dumps({"text": text}).encode()
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200 and answer.json()["class"] == "waste"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": ""}, 422), ({"texts": ["lamp", " \u200f\n"]}, 422), ({"texts": []}, 422), ({"texts": [3]}, 422),
        ({"text": ["lamp"]}, 422), ({"texts": "lamp"}, 422), ({}, 422), ({"text": "a", "texts": ["b"]}, 422),
        ([], 400), ({"text": "lamp " * 20_000}, 413), ({"texts": ["lamp"] * 65}, 413),
    ],
)  # fmt: skip
def test_unusable_texts_are_one_line_that_does_not_repeat_them(client, body, status):
    answer = client.post("/predict", json=body)
    assert answer.status_code == status and "\n" not in answer.json()["error"]
    assert "lamp" not in answer.json()["error"]


def test_other_encodings_and_files_are_refused(client):
    plain = {"Content-Type": "text/plain"}
    assert client.post("/predict", content="Straße".encode("latin-1"), headers=plain).status_code == 415
    assert (
        client.post("/predict", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    )
    assert client.post("/predict", content=b"", headers=plain).status_code == 400


def infer(client, **tensor):
    """Ask by the Open Inference Protocol."""
    return client.post(INFER, json={"inputs": [tensor]})


def test_texts_and_tokens_by_the_open_inference_protocol(client):
    texts = ["lamp", "bin in the street with a very long sentence", "dark"]
    found = infer(client, name="text", datatype="BYTES", shape=[3], data=texts).json()["outputs"][0]
    assert found["data"] == [2, 0, 0, 3, 1, 0] and found["shape"] == [3, 2]
    ids = [VOCABULARY.index("bin"), VOCABULARY.index("lamp"), 0]
    found = infer(client, name="token_ids", datatype="INT32", shape=[1, 3], data=ids).json()["outputs"][0]
    assert found["data"] == [2, 3]
    inputs = client.get("/v2/models/hotline").json()["inputs"]
    assert inputs == [{"name": "token_ids", "datatype": "INT32", "shape": [-1, -1]}]


@pytest.mark.parametrize("ids", [[-1], [len(VOCABULARY)], [5] * (MOST + 1)])
def test_tokens_that_the_model_does_not_have_are_refused(client, ids):
    answer = infer(client, name="token_ids", datatype="INT32", shape=[1, len(ids)], data=ids)
    assert answer.status_code == 400 and "token_ids" in answer.json()["error"]


def test_requests_of_several_lengths_are_batched(make_client, hotline):
    """They wait for each other; each gets its own answer."""
    from concurrent.futures import ThreadPoolExecutor

    texts = ["lamp", "bin " + "street " * 10, "dark", "bin bin", "lamp dark " * 5]
    with make_client(hotline, batch_delay_ms=100, max_batch=8) as client, ThreadPoolExecutor(5) as pool:
        found = list(pool.map(lambda text: client.post("/predict", json={"text": text}).json(), texts))
        client.services.monitor.flush()
        batches = client.services.monitor.value("batch_size_count", model="hotline", version="1")
    assert [each["scores"]["light"] for each in found] == [
        share(2, 0), share(0, 3), share(1, 0), share(0, 6), share(15, 0)
    ]  # fmt: skip
    assert batches < 5


def test_drift_of_texts_is_noticed_and_no_log_repeats_them(make_client, hotline, tmp_path, caplog):
    """Other letters than those of the reference; the request's log line has no text."""
    import shutil

    from cityzoo.monitor.reference import make_reference
    from cityzoo.monitor.text_statistics import measure_text

    folder = shutil.copytree(hotline, tmp_path / "hotline")
    rows = [{name: [value] for name, value in measure_text("lamp " * n).items()} for n in range(1, 9)] * 16
    make_reference(rows, NAMES).write(folder)
    with make_client(folder, sample_seconds=0.0, drift_seconds=0.0, drift_window=64) as client:
        for _ in range(70):
            client.post("/predict", json={"text": "улица лампа secretword"})
        client.services.monitor.flush()
        metrics = client.get("/metrics").text
    lines = [line for line in metrics.splitlines() if "drift" in line and "other_letters" in line]
    assert max(float(line.split()[-1]) for line in lines) > 0.5
    assert "secretword" not in caplog.text + metrics


def test_evidence_of_texts_is_masked(make_client, hotline, tmp_path):
    with make_client(
        hotline, evidence=str(tmp_path / "kept"), redact="texts", evidence_seconds=0.0
    ) as client:
        client.post("/predict", json={"text": "lamp dark, call me at 0171 2345678"})
        until = time.monotonic() + 5
        while not list(tmp_path.glob("kept/*/*.json")) and time.monotonic() < until:
            time.sleep(0.02)
    (kept,) = [file for file in tmp_path.glob("kept/*/*") if not file.name.startswith(".")]
    about = json.loads(kept.read_text())
    assert about["text"] == "lamp dark, call me at [phone]" and about["answer"]["class"] == "light"


@pytest.mark.parametrize("change", ["lowercase", "missing"])
def test_a_model_with_another_tokenizer_is_not_served(hotline, tmp_path, change):
    import shutil

    from cityzoo.errors import InputError
    from cityzoo.runtime import exported_folder
    from cityzoo.serve.served_model import ServedModel
    from cityzoo.serve.settings import Settings

    folder = shutil.copytree(hotline, tmp_path / "hotline")
    file = folder / "tokenizer.json"
    if change == "missing":
        file.unlink()
    else:
        file.write_text(file.read_text().replace('"lamp"', '"lampe"'))
    assert exported_folder.check(folder) == ["tokenizer.json is not the file that was exported"]
    model = ServedModel("hotline", 1, folder, Settings(models=folder))
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        model.load()
    model.close()


def test_a_tokenizer_that_cuts_otherwise_fails_the_check(hotline, tmp_path):
    """As another version of the package might."""
    import shutil

    from cityzoo.runtime import exported_folder

    folder = shutil.copytree(hotline, tmp_path / "hotline")
    file = folder / "tokenizer.json"
    file.write_text(file.read_text().replace('"lamp"', '"lampe"'))
    proof = json.loads((folder / "parity.json").read_text())
    proof["companions"] = {"tokenizer.json": exported_folder.digest(file)}
    (folder / "parity.json").write_text(json.dumps(proof))
    (wrong,) = exported_folder.check(folder)
    assert "other tokens" in wrong


def test_documentation_shows_texts(client):
    content = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert content["application/json"]["example"]["texts"] and "text/plain" in content


def test_the_command_serves_texts_without_tensorflow(hotline):
    """As a process of its own, with all that it imports."""
    from tests.cityzoo.serve.test_server import server

    with server(hotline) as (_, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/predict", b'{"text": "lamp"}', {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read())["class"] == "light"
    code = (
        "import sys, cityzoo.serve.app; "
        "sys.exit(bool({'tensorflow', 'keras', 'scipy', 'soundfile'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
