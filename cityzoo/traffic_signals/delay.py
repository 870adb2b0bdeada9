"""Delay at a signal by the formulas of the Highway Capacity Manual 2000."""

from __future__ import annotations

import numpy as np

Numbers = float | np.ndarray


def degree_of_saturation(flow: Numbers, saturation: Numbers, green: Numbers, cycle: Numbers) -> np.ndarray:
    """Return x = v/c, flow over capacity, where capacity is saturation flow * green / cycle.

    Args:
        flow, saturation: veh/h.
        green, cycle: seconds.

    Example:
        >>> float(degree_of_saturation(720, 1800, 45, 90))
        0.8
    """
    return np.asarray(flow, float) * cycle / (np.asarray(saturation, float) * green)


def hcm_delay(
    flow: Numbers, saturation: Numbers, green: Numbers, cycle: Numbers, hours: float = 0.25
) -> np.ndarray:
    """Return the mean control delay of an isolated fixed-time signal, s/veh, also for v/c above 1.

    d1 = C (1 - l)^2 / (2 (1 - min(1, x) l)), d2 = 900 T ((x - 1) + sqrt((x - 1)^2 + 4 x / (c T))), with c the
    capacity in veh/h and T the duration of the flow in hours, without an initial queue (Highway Capacity Manual 2000,
    equations 16-11 and 16-12 with k = 0.5, I = 1). The arguments broadcast.

    Args:
        flow, saturation: veh/h.
        green, cycle: seconds, effective green.
        hours: T.

    Example:
        >>> [round(float(hcm_delay(flow, 1800, 45, 90)), 2) for flow in (720, 900, 1080)]
        [26.14, 52.5, 123.22]
    """
    x, share = degree_of_saturation(flow, saturation, green, cycle), np.asarray(green, float) / cycle
    capacity = np.asarray(saturation, float) * share
    uniform = cycle * (1 - share) ** 2 / (2 * (1 - np.minimum(x, 1) * share))
    return uniform + 900 * hours * ((x - 1) + np.sqrt((x - 1) ** 2 + 4 * x / (capacity * hours)))


def queue_delay(
    queue: Numbers, flow: Numbers, capacity: Numbers, hours: float = 0.25
) -> tuple[np.ndarray, np.ndarray]:
    """Return the delay by an initial queue, s/veh, and the queue at the end, veh.

    d3 = 1800 Q (1 + u) t / (c T), t the hours until the queue has dissolved, at most T, u = 0 if it dissolves, else
    1 - c T (1 - min(1, x)) / Q (Highway Capacity Manual 2000, appendix F of chapter 16).

    Args:
        queue: vehicles over capacity at the start.
        flow, capacity: veh/h.
        hours: T.

    Example:
        >>> [round(float(value), 1) for value in queue_delay(30, 540, 600, 0.25)]
        [135.0, 15.0]
        >>> [round(float(value), 1) for value in queue_delay(30, 720, 600, 0.25)]
        [180.0, 60.0]
    """
    queue, flow, capacity = (np.asarray(value, float) for value in (queue, flow, capacity))
    spare = np.maximum(capacity - flow, 0)  # veh/h by which the queue shrinks
    lasts = np.minimum(hours, queue / np.maximum(spare, 1e-9))
    kept = np.where(lasts < hours, 0, 1 - spare * hours / np.maximum(queue, 1e-9))
    delay = 1800 * queue * (1 + kept) * lasts / (capacity * hours)
    return delay, np.maximum(queue + (flow - capacity) * hours, 0)
