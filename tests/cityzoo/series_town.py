"""A small town of sensors on disk: a daily rhythm, noise that neighbours share, gaps, one sensor that is dead."""

from contextlib import contextmanager

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


SMALL = ["--task", "traffic_flow", "--channels", "speed", "--hidden-size", "8", "--epochs", "2"]
SMALL += ["--batch-size", "512", "--unit", "km/h"]


@contextmanager
def untraced():
    """Run without making graphs first, which takes longer than these few steps."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def run_train(*words):
    """The report of train.py with these words."""
    import train
    from cityzoo.commands.train_flags import parse_training

    command = parse_training(list(map(str, words)))
    with untraced():
        return train.train(command.spec, command.resume)


def run_evaluate(*words):
    """The report of evaluate.py with these words."""
    import evaluate
    from cityzoo.commands.evaluate_flags import parse_evaluation

    with untraced():
        return evaluate.evaluate(parse_evaluation(list(map(str, words))))
