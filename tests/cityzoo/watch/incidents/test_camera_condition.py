"""A camera that is covered, out of focus, frozen or moved; light, night and traffic are no faults."""

import numpy as np
import pytest

from tests.cityzoo.watch.watched_paths import watch

RNG = np.random.default_rng(0)
TOWN = np.kron(RNG.integers(30, 220, (20, 40, 3)), np.ones((10, 10, 1))).astype(np.float32)
NOISE = RNG.normal(0, 2, (7, *TOWN.shape)).astype(np.float32)


def blur(image, radius):
    for axis in (0, 1):
        image = sum(np.roll(image, shift, axis) for shift in range(-radius, radius + 1)) / (2 * radius + 1)
    return image


def film(change, begin=50):
    """Return images with noise, changed from a frame on; each differs from the one before."""
    return lambda index: np.clip(
        (change(index) if index >= begin else TOWN) + NOISE[index % len(NOISE)], 0, 255
    ).astype(np.uint8)


BLURRED = blur(TOWN, 6)
FAULTS = {
    "dark": film(lambda index: TOWN * 0 + 3),
    "blurred": film(lambda index: BLURRED),
    "moved": film(lambda index: np.roll(TOWN, (35, 55), (0, 1))),
    "frozen": lambda index: film(lambda index: TOWN)(min(index, 50)),
}
HARMLESS = {
    "dusk": film(lambda index: TOWN * max(0.25, 1 - (index - 50) / 50)),
    "lamps at night": film(lambda index: TOWN * 0.02 + 200 * (np.arange(400) % 50 < 2)[None, :, None]),
    "a truck": film(lambda index: np.where(((np.arange(400) // 8 - index) % 50 < 12)[:, None], 128, TOWN)),
}
RULES = [f"camera {name} for 5s" for name in FAULTS]


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(fault):
    """From the 25th second on, by the rule of their name alone."""
    told, events = watch([], 40, RULES, fps=2.0, images=FAULTS[fault])
    first = events[0]
    assert (
        first["rule"] == f"camera {fault} for 5s"
        and first["type"] == "anomaly"
        and first["condition"] == fault
    )
    assert 29 <= told[0][1] <= 32 and {event["condition"] for event in events} <= {fault, "moved"}


@pytest.mark.parametrize("change", ["dusk", "a truck"])
def test_what_is_no_fault(change):
    """Light that fades and a vehicle that passes."""
    assert watch([], 50, RULES, fps=2.0, images=HARMLESS[change])[0] == []


def test_night_is_not_dark():
    """A few lamps are enough."""
    assert watch([], 40, ["camera dark for 5s"], fps=2.0, images=HARMLESS["lamps at night"])[0] == []
