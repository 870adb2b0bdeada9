"""Limits hold for unchanged periods, and are exceeded by changed ones."""

from dataclasses import replace

import numpy as np
import pytest

from cityzoo.continual.own_periods import Limits, calibrate_limits, draw_periods, measure_statistics
from cityzoo.monitor.reference_examples import MeasuredExamples

RNG = np.random.default_rng(0)


def examples(count, shift=0.0, light=0.0):
    """Examples of eight features, the first shifted, and of two signals."""
    features = RNG.normal(size=(count, 8)).astype(np.float32)
    features[:, 0] += shift
    signals = {"brightness": RNG.normal(100 + light, 10, count), "blur": RNG.normal(size=count)}
    return MeasuredExamples(
        tuple(map(str, range(count))), ("",) * count, features, signals, np.zeros((count, 0, 0))
    )


def test_limits_hold_and_shifts_exceed_them():
    """Of 60 unchanged weeks few are changed, over several references; all that got darker, or whose features moved."""
    alarms = 0
    for seed in range(4):
        reference, clusters = examples(120), np.arange(120)
        limits = calibrate_limits(reference, clusters, 50, periods=40, seed=seed)

        def changes(reference=reference, limits=limits, **planted):
            week = examples(50, **planted)
            return limits.find_changes(measure_statistics(week, np.arange(50), reference, np.arange(120)))

        alarms += sum(bool(changes()) for _ in range(15))
        assert all("brightness" in changes(light=-15) for _ in range(3))
        assert all("features" in changes(shift=2.5) for _ in range(3))
    assert alarms <= 6


def test_the_most_deviating_signal_comes_first():
    """In standard deviations: (.9 - .2) / .1 = 7 before (.5 - .2) / .05 = 6; (.3 - .2) / .1 = 1 is below."""
    spreads = {"a": 0.05, "b": 0.1, "c": 0.1}
    limits = Limits(dict.fromkeys("abc", 0.2), spreads, {"a": 5.0, "b": 2.0, "c": 2.0})
    assert limits.find_changes({"a": 0.5, "b": 0.9, "c": 0.3}) == ["b", "a"]
    assert limits.limit("b") == pytest.approx(0.4)


def test_what_signals_deviate_by_does_not_hide_the_features():
    """A signal that jumps in few of the reference's examples raises the limit of signals alone."""
    calm, clusters = examples(100), np.arange(100)
    restless = examples(100)
    restless = replace(restless, features=calm.features, signals={**calm.signals, "blur": np.zeros(100)})
    restless.signals["blur"][:30] = 1000
    found = [calibrate_limits(each, clusters, 100, periods=40) for each in (calm, restless)]
    assert found[0].limit("features") == found[1].limit("features")
    assert found[0].limit("blur") != found[1].limit("blur")


def test_signals_without_enough_values_are_left_out():
    """Eight on either side."""
    first, second = examples(20), examples(20)
    first.signals["blur"][7:] = np.nan
    assert measure_statistics(first, np.arange(20), second, np.arange(20)).keys() == {
        "features",
        "brightness",
    }


def test_every_camera_has_its_share_of_a_period():
    """Two large cameras and two small ones."""
    cameras = ["a"] * 12 + ["b"] * 12 + ["c"] * 4 + ["d"] * 4
    for period in draw_periods(np.arange(32), cameras, 16, 20, seed=0):
        counts = [sum(period[place] for place in range(32) if cameras[place] == name) for name in "abcd"]
        assert counts == pytest.approx([6, 6, 2, 2], abs=1)
