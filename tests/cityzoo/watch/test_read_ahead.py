"""A stage in a thread ahead of the next: same items, same errors, no thread left."""

import threading

import pytest

from cityzoo.watch.read_ahead import read_ahead


def test_errors_arrive_where_the_items_do():
    def items():
        yield 1
        raise ValueError("damaged")

    taken = []
    with pytest.raises(ValueError, match="damaged"):
        taken.extend(read_ahead(items()))
    assert taken == [1]


def test_a_consumer_that_stops_ends_the_thread_and_closes_the_generator():
    closed = threading.Event()

    def items():
        try:
            yield from range(1000)
        finally:
            closed.set()

    before = threading.active_count()
    stream = read_ahead(items())
    assert [next(stream), next(stream)] == [0, 1]
    stream.close()
    assert closed.wait(5)
    assert threading.active_count() == before
