"""Thinning of frames to a rate."""

import pytest

from cityzoo.watch.frames import Thinner


@pytest.mark.parametrize(("rate", "fps"), [(25, 5), (12.5, 5), (24.01, 6), (29.97, 10), (12.5, 12.5)])
def test_the_wanted_rate_is_kept_though_it_does_not_divide_that_of_the_source(rate, fps):
    thinner = Thinner(fps)
    kept = sum(thinner.is_due(round(i / rate, 3)) for i in range(round(60 * rate)))
    assert kept == pytest.approx(60 * fps, rel=0.01)


def test_a_higher_rate_than_that_of_the_source_keeps_every_frame():
    thinner = Thinner(100.0)
    assert all(thinner.is_due(i / 25) for i in range(50))


def test_after_a_gap_frames_do_not_come_in_a_burst():
    thinner = Thinner(1.0)
    assert [t for t in (0, 0.5, 1, 60, 60.2, 60.4, 60.9, 61, 61.5) if thinner.is_due(t)] == [0, 1, 60, 61]
