"""Threads hold no more pixels at a time than they may."""

import threading
from concurrent.futures import ThreadPoolExecutor

from augment.pixel_budget import PixelBudget


def test_threads_wait_for_free_pixels():
    """Eight images of 40 out of 100: never more than two at a time; one of 500 is alone."""
    budget, inside, most = PixelBudget(100), [], []
    lock = threading.Lock()

    def decode(pixels):
        with budget.hold(pixels):
            with lock:
                inside.append(pixels)
                most.append((len(inside), max(inside)))
            threading.Event().wait(0.005)
            with lock:
                inside.remove(pixels)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [40] * 4 + [500] + [40] * 4))
    assert max(count for count, _ in most) == 2
    assert all(count == 1 for count, largest in most if largest == 500)
    assert budget.free == 100
