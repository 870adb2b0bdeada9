"""Batching: what is computed together, in which order, and what happens to errors and late requests."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cityzoo.serve.batching import Batcher
from cityzoo.serve.http_errors import HttpError


class Model:
    """Doubles its input; remembers its batches; waits at a gate."""

    def __init__(self):
        self.sizes, self.gate = [], threading.Event()

    def __call__(self, feeds):
        self.gate.wait(5)
        self.sizes.append(len(feeds["x"]))
        if (feeds["x"] < 0).any():
            raise RuntimeError("negative")
        return {"y": feeds["x"] * 2}


def rows(*values):
    """A request with an example for each value."""
    return {"x": np.array(values, np.float32)[:, None]}


def run(scenario, max_batch=4, delay=0.0):
    """Run a coroutine function of (model, submit) with a batcher; return the model and the result."""
    model = Model()

    async def main():
        batcher = Batcher(model, executor, max_batch, delay)
        now = asyncio.get_running_loop().time()

        def submit(feeds, seconds=5.0):
            return asyncio.ensure_future(batcher.submit(feeds, now + seconds))

        return await scenario(model, submit)

    with ThreadPoolExecutor(1) as executor:
        return model, asyncio.run(main())


def test_what_waits_together_is_computed_together_and_each_gets_its_own():
    async def scenario(model, submit):
        first = submit(rows(0))
        await asyncio.sleep(0.05)  # it is computed alone, and the others wait for it
        others = [submit(rows(n)) for n in range(1, 7)]
        await asyncio.sleep(0.05)
        model.gate.set()
        return [float(found["y"][0, 0]) for found in await asyncio.gather(first, *others)]

    model, found = run(scenario)
    assert found == [0, 2, 4, 6, 8, 10, 12]
    assert model.sizes == [1, 4, 2]


def test_requests_of_several_examples_and_of_other_shapes_keep_their_order():
    async def scenario(model, submit):
        first = submit(rows(0))
        await asyncio.sleep(0.05)
        wide = {"x": np.full((1, 3), 7, np.float32)}
        others = [submit(rows(1, 2, 3)), submit(rows(4, 5)), submit(wide), submit(rows(*range(9)))]
        await asyncio.sleep(0.05)
        model.gate.set()
        return [found["y"].shape for found in await asyncio.gather(first, *others)]

    model, shapes = run(scenario)
    assert shapes == [(1, 1), (3, 1), (2, 1), (1, 3), (9, 1)]
    assert model.sizes == [1, 3, 2, 1, 9]  # one request may have more than max_batch


def test_a_delay_waits_for_company():
    async def scenario(model, submit):
        model.gate.set()
        first = submit(rows(1))
        await asyncio.sleep(0.05)
        second = submit(rows(2))
        await asyncio.gather(first, second)

    assert run(scenario, delay=0.3)[0].sizes == [2]
    assert run(scenario, delay=0.0)[0].sizes == [1, 1]


def test_an_error_of_the_model_reaches_its_batch_and_the_queue_goes_on():
    async def scenario(model, submit):
        model.gate.set()
        with pytest.raises(RuntimeError, match="negative"):
            await submit(rows(-1))
        return (await submit(rows(3)))["y"].tolist()

    assert run(scenario)[1] == [[6.0]]


def test_a_late_request_is_told_so_and_never_computed():
    async def scenario(model, submit):
        first = submit(rows(0))
        await asyncio.sleep(0.05)
        late = submit(rows(1), seconds=0.1)
        with pytest.raises(HttpError) as error:
            await late
        model.gate.set()
        await first
        await submit(rows(2))
        return error.value.status

    model, status = run(scenario)
    assert status == 504
    assert model.sizes == [1, 1]
