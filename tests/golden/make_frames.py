"""Write frame_*.h5: small frames in the layouts of METR-LA and PEMS-BAY, by pandas and PyTables themselves.

They get an environment of their own, here next to the repository:

    python3 -m venv ../frames
    ../frames/bin/pip install "pandas==2.3.3" "tables==3.11.1"
    ../frames/bin/python tests/golden/make_frames.py

`frame_df.h5`: 4 rows from 2012-03-01 00:00, every 5 minutes, without a time zone, three columns called by text.
`frame_speed.h5`: the same times in Los Angeles, three columns called by numbers, the second of whole numbers.
The numbers of both are row + column / 10, whole ones row. A second run writes the same, but for the time of writing.
"""

from pathlib import Path

import numpy as np
import pandas

HERE = Path(__file__).parent


def main():
    """Write both files."""
    times = pandas.date_range("2012-03-01", periods=4, freq="5min")
    values = np.arange(4.0)[:, None] + np.arange(3) / 10
    frame = pandas.DataFrame(values, times, ["773869", "767541", "767542"])
    frame.to_hdf(HERE / "frame_df.h5", key="df", mode="w")
    other = pandas.DataFrame(values, times.tz_localize("America/Los_Angeles"), [400001, 400017, 400030])
    other[400017] = np.arange(4)
    other.to_hdf(HERE / "frame_speed.h5", key="speed", mode="w")


if __name__ == "__main__":
    main()
