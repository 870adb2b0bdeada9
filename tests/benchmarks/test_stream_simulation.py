"""The simulation of cameras on a machine, by hand where it can be, and against queueing theory."""

import pytest

from benchmarks.stream_simulation import Load, Stages, holds, most_cameras, plan_city, simulate, simulate_city

QUICK = Stages(0.0, 0.0, {1: 0.04, 8: 0.32}, 0.0, 25.0)


def test_one_camera_waits_for_its_own_frame_alone():
    """40 ms a frame, five frames a second: latency 40 ms, a fifth of the core, nothing lost."""
    found = simulate(Load(1, 5, 1, seconds=20), QUICK)
    assert found["p50"] == found["p99"] == 0.04 and found["lost"] == 0
    assert found["use"] == pytest.approx(0.2, abs=0.02) and found["frames"] == pytest.approx(100, abs=3)


def test_decoding_slows_detection_down():
    """Half of the core decodes: twice the latency, and all of it used with five frames a second and 50 ms."""
    slow = Stages(0.02, 0.0, {1: 0.04}, 0.0, 25.0)
    found = simulate(Load(1, 5, 1, 1, seconds=20), slow)
    assert found["p50"] == pytest.approx(0.08) and found["use"] == pytest.approx(0.7, abs=0.02)
    assert simulate(Load(2, 5, 1, 1), slow)["lost"] == 1.0  # decoding alone is too much


def test_too_many_cameras_lose_the_frames_that_do_not_fit():
    """50 cameras with one frame a second on a core that detects 25: half is lost, latency stays within a round."""
    found = simulate(Load(50, 1, 1, 1, seconds=60), QUICK)
    assert found["lost"] == pytest.approx(0.5, abs=0.03) and not holds(found)
    assert found["p99"] < 3 and found["use"] == pytest.approx(1, abs=0.05)


def test_a_core_holds_nearly_as_many_cameras_as_its_time_allows():
    """25 frames a second: up to 25 cameras with one each; more cores hold proportionally more."""
    one, four = (most_cameras(1, cores, QUICK, batch=1) for cores in (1, 4))
    assert 20 <= one <= 25 and 4 * one <= four <= 102


def test_a_city_needs_more_machines_at_higher_rates():
    """100 cameras on machines of two cores."""
    rows = plan_city(100, 2, QUICK, use_ray=False)
    machines = [rows[fps]["machines"] for fps in ("1", "3", "5")]
    assert machines == sorted(machines) and machines[0] >= 2 and machines[2] >= 10
    assert all(row["lost"] <= 0.02 for row in rows.values())


@pytest.mark.slow
def test_ray_actors_give_the_same_numbers():
    """Each machine in an actor of its own."""
    pytest.importorskip("ray")
    loads = [Load(10, 2, 1, seed=seed, seconds=10) for seed in range(3)]
    assert simulate_city(loads, QUICK, use_ray=True) == simulate_city(loads, QUICK)
