"""A served model: what it checks before it answers, and how many decoded examples it holds."""

import asyncio
import contextlib
import json
import shutil

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.served_model import PLACES, ServedModel
from cityzoo.serve.settings import Settings
from tests.cityzoo.serve.conftest import SIDE


@pytest.fixture
def copy(detector, tmp_path):
    """The detector's folder, to be damaged."""
    return shutil.copytree(detector, tmp_path / "onnx")


def load(folder, **settings):
    """Load it."""
    model = ServedModel("quadrants", 1, folder, Settings(threads=1, **settings))
    model.load()
    return model


def test_a_good_folder_is_warm_and_ready(detector):
    model = load(detector, max_batch=3)
    assert model.is_ready
    assert model.description["task"] == "quadrants"
    model.close()
    with pytest.raises(HttpError) as error, model.admit():
        pass
    assert error.value.status == 503


def test_a_policy_refuses_a_model_and_requests(copy, make_client, png):
    """A class, an end and a use refuse the model; another camera, or none, refuses a request with 403."""
    for rule in ("classes: [red]", "valid_until: 2020-01-01", "forbidden_uses: [serve]", "tasks: [others]"):
        (copy / "policy.yaml").write_text(rule)
        with pytest.raises(InputError, match="policy.yaml"):
            load(copy)
    (copy / "policy.yaml").write_text("places: [north*]\nclasses: [red, blue]\nreview_below: 0.5")
    with make_client(copy) as client:
        found = {
            camera: client.post(
                f"/predict?camera={camera}", content=png, headers={"Content-Type": "image/png"}
            )
            for camera in ("north-1", "south", "")
        }
    assert [each.status_code for each in found.values()] == [200, 403, 403]
    assert "camera 'south'" in found["south"].text and "unknown camera" in found[""].text


def test_a_model_that_failed_its_gate_is_refused(copy):
    proof = json.loads((copy / "parity.json").read_text())
    (copy / "parity.json").write_text(json.dumps({**proof, "passed": False}))
    with pytest.raises(InputError, match="parity gate"):
        load(copy)


def test_a_file_that_is_not_the_exported_one_is_refused(copy):
    with (copy / "model.onnx").open("ab") as file:
        file.write(b"\x12\x00")  # an empty field more
    with pytest.raises(InputError, match="exported"):
        load(copy)


def test_a_model_that_answers_otherwise_here_is_refused(copy):
    with np.load(copy / "probes.npz") as arrays:
        columns = dict(arrays)
    columns["answer.scores"] = columns["answer.scores"] + 0.1
    np.savez(copy / "probes.npz", **columns)
    with pytest.raises(InputError, match="answers otherwise"):
        load(copy)


@pytest.mark.parametrize("name", ["preprocessing.json", "parity.json", "probes.npz", "model.onnx"])
def test_a_folder_that_lacks_a_file_is_refused(copy, name):
    (copy / name).unlink()
    with pytest.raises(InputError):
        load(copy)


def test_requests_wait_as_bytes_and_only_a_few_are_decoded(detector):
    model = load(detector, max_batch=1)
    inside, most, waited = 0, 0, {}

    async def request(seconds):
        nonlocal inside, most
        async with model.place(asyncio.get_running_loop().time() + 5, seconds):
            inside += 1
            most = max(most, inside)
            feeds = {"images": np.zeros((1, SIDE, SIDE, 3), np.float32)}
            await model.infer(feeds, asyncio.get_running_loop().time() + 5, seconds)
            inside -= 1

    async def main():
        tasks = [asyncio.ensure_future(request(waited.setdefault(n, {}))) for n in range(20)]
        await asyncio.sleep(0)
        waiting = model.queue_length
        await asyncio.gather(*tasks)
        return waiting

    waiting = asyncio.run(main())
    assert most == 2 + PLACES
    assert waiting >= 20 - most
    assert waited[19]["queue"] > waited[0]["queue"]
    assert model.queue_length == 0
    model.close()


def test_the_time_of_a_request_ends_while_it_waits_for_a_place(detector):
    model = load(detector, max_batch=1)

    async def main():
        now = asyncio.get_running_loop().time()
        async with contextlib.AsyncExitStack() as taken:
            for _ in range(2 + PLACES):
                await taken.enter_async_context(model.place(now + 5, {}))
            with pytest.raises(HttpError) as error:
                await taken.enter_async_context(model.place(now + 0.05, {}))
            return error.value.status

    assert asyncio.run(main()) == 504
    model.close()
