"""The speed of a stream, on a clock that the test turns."""

import itertools

import pytest

from benchmarks import timing


@pytest.fixture
def clock(monkeypatch):
    """A clock at which streams advance the time."""
    now = [100.0]
    monkeypatch.setattr(timing, "perf_counter", lambda: now[0])
    return now


def steady(clock, seconds, count, closed=None):
    """A stream whose every batch of `count` takes `seconds`."""

    def stream():
        try:
            while True:
                clock[0] += seconds
                yield count
        finally:
            if closed is not None:
                closed.append(clock[0])

    return stream


def test_a_steady_stream_has_the_speed_of_its_batches(clock):
    """8 images every quarter of a second; the stream is closed when the time is over."""
    closed = []
    assert timing.images_per_second(steady(clock, 0.25, 8, closed), 2.0) == pytest.approx(32.0)
    assert closed == [100.0 + 0.25 + 2.0]


def test_what_the_first_batch_takes_does_not_count(clock):
    """It starts workers and builds graphs."""

    def stream():
        clock[0] += 60.0
        yield from steady(clock, 0.5, 10)()

    assert timing.images_per_second(stream, 2.0) == pytest.approx(20.0)


@pytest.mark.parametrize("offset", [0, 1])
def test_bursts_of_two_batches_do_not_flatter_or_harm(clock, offset):
    """20 images a second in pairs, ended in the middle of a pair or not."""

    def stream():
        for number in itertools.count(offset):
            clock[0] += 1.0 if number % 2 == 0 else 0.001
            yield 10

    speed = timing.images_per_second(stream, 6.0)  # counted from first to last: 20.0 and 18.3
    assert speed == pytest.approx(20.0, rel=0.05)


def test_contenders_take_turns(clock, caplog):
    """A B, A B, A B after one turn each to warm up; each keeps its own figures."""
    order = []

    def named(name, seconds):
        def stream():
            order.append(name)
            return steady(clock, seconds, 4)()

        return stream

    found = timing.measure({"a": named("a", 0.1), "b": named("b", 0.2)}, rounds=3, seconds=1.0)
    assert order == ["a", "b"] * 4
    assert found == {"a": pytest.approx([40.0] * 3), "b": pytest.approx([20.0] * 3)}
