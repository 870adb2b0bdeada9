"""Small files of series with known numbers."""

import numpy as np
import pytest


@pytest.fixture
def write_table(tmp_path):
    """Return a function that writes lines into a file and returns its path as text."""

    def write(*lines, name="roads.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return str(path)

    return write


@pytest.fixture
def clock_rows():
    """Return a function that gives lines "time,row" for each stretch of times from one to another, a row every step."""

    def rows(*stretches, step=5, values=None):
        shown = np.concatenate(
            [np.arange(start, end, np.timedelta64(step, "m"), "datetime64[m]") for start, end in stretches]
        )
        numbers = range(1, len(shown) + 1) if values is None else values
        return [
            f"{str(time).replace('T', ' ')},{number}" for time, number in zip(shown, numbers, strict=True)
        ]

    return rows
