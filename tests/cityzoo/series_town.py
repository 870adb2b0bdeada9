"""A small town of sensors on disk: a daily rhythm, noise that neighbours share, gaps, one sensor that is dead."""

import numpy as np

ROWS_A_DAY = 288


def town(sensors=4, days=6, seed=0):
    """Speeds (rows, sensors), float32 with NaN, a row every five minutes."""
    rng = np.random.default_rng(seed)
    rows = np.arange(days * ROWS_A_DAY)
    rush = np.sin(rows[:, None] / ROWS_A_DAY * 2 * np.pi + np.linspace(0, 0.5, sensors))
    shared = np.zeros(len(rows))
    for row in rows[1:]:
        shared[row] = 0.95 * shared[row - 1] + rng.normal()
    values = 60 + 15 * rush + 2 * shared[:, None] + rng.normal(0, 1, rush.shape)
    values[rng.random(values.shape) < 0.02] = np.nan
    return values.astype(np.float32)


def written(file, values, names=None, start="2024-05-06"):
    """A wide CSV of some values, with a column of times; empty where nothing was measured."""
    times = np.datetime64(start, "m") + 5 * np.arange(len(values))
    names = names or [f"s{number}" for number in range(values.shape[1])]
    lines = ["time," + ",".join(names)]
    for time, row in zip(times, values, strict=True):
        lines.append(f"{time}," + ",".join("" if np.isnan(value) else f"{value:.3f}" for value in row))
    file.write_text("\n".join(lines) + "\n")
    return str(file)
