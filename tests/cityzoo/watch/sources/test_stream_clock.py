"""Times of a stream's frames."""

import numpy as np

from cityzoo.watch.sources.stream_clock import StreamClock


def test_delays_of_the_network_do_not_shake_the_times():
    """Frames each 40 ms; the first comes late, others up to .3 s: after the least delayed all are 40 ms apart."""
    clock, rng = StreamClock(), np.random.default_rng(0)
    delays = rng.uniform(0, 0.3, 500)
    delays[10] = 0.0
    times = np.array([clock.time(i / 25, 1000 + i / 25 + delays[i]) for i in range(500)])
    assert np.abs(times[10:] - (1000 + np.arange(10, 500) / 25)).max() < 0.005
    assert (np.diff(times) > 0).all()


def test_presentation_times_that_restart_are_related_to_the_clock_again():
    clock = StreamClock()
    assert clock.time(100.0, 5000.0) == 5000.0
    assert clock.time(0.0, 5000.1) == 5000.1
    assert clock.time(None, 5000.2) == 5000.2
    assert clock.time(90.0, 5000.3) == 5000.3


def test_the_clock_of_a_slow_camera_is_followed():
    """50 ppm slow, for three hours: .54 s behind if nothing were done."""
    clock = StreamClock()
    for second in range(3 * 3600):
        at = clock.time(second * (1 - 50e-6), 1000.0 + second)
    assert abs(at - (1000.0 + 3 * 3600 - 1)) < 0.01
