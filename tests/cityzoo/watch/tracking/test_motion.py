"""The filter against the matrices that it stands for."""

import numpy as np
import pytest

from cityzoo.watch.tracking.motion import ACCELERATION, DRIFT, FIRST_SPEED, MEASUREMENT, BoxMotion

BOX = np.array([[10.0, 20, 50, 60]])  # size 40


def test_equals_the_filter_in_matrices():
    motion = BoxMotion()
    motion.append(BOX)
    size, dt = 40.0, 0.2
    state, covariance = (
        np.array([30.0, 0]),
        np.diag([(2 * MEASUREMENT * size) ** 2, (FIRST_SPEED * size) ** 2]),
    )
    for step in range(1, 6):
        moved = BOX + [7.0 * step, 0, 7.0 * step, 0]
        motion.predict(dt)
        motion.correct(np.array([0]), moved)
        move = np.array([[1, dt], [0, 1]])
        noise = np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]]) * (ACCELERATION * size) ** 2
        noise[0, 0] += (DRIFT * size) ** 2 * dt
        state, covariance = move @ state, move @ covariance @ move.T + noise
        gain = covariance[:, 0] / (covariance[0, 0] + (MEASUREMENT * size) ** 2)
        state = state + gain * (30 + 7.0 * step - state[0])
        covariance = covariance - np.outer(gain, covariance[0])
        assert [motion.position[0, 0], motion.speed[0, 0]] == pytest.approx(state)
        found = motion.variance[:, 0, 0]
        assert found == pytest.approx([covariance[0, 0], covariance[0, 1], covariance[1, 1]])


def test_two_half_steps_equal_one_step():
    motions = []
    for steps in ([0.4], [0.1, 0.3]):
        motion = BoxMotion()
        motion.append(BOX)
        motion.speed[:] = [[30, 0, 0, 0]]
        for seconds in steps:
            motion.predict(seconds)
        motions.append(motion)
    assert motions[0].boxes == pytest.approx(motions[1].boxes)
    assert motions[0].variance == pytest.approx(motions[1].variance)


def test_boxes_never_turn_inside_out():
    motion = BoxMotion()
    motion.append(BOX)
    motion.speed[:] = [[0, 0, -500, -500]]
    motion.predict(1.0)
    assert (motion.boxes[:, 2:] > motion.boxes[:, :2]).all()
