"""Measurements that a person found to be wrong: left out of a series, as if nothing had been measured.

sensor,start,end,use
773869,2012-03-02 00:00,2012-03-03 00:00,no
773906,2012-03-04 00:00,2012-03-05 00:00,yes
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from cityzoo.data.files import open_text
from cityzoo.data.series.findings import SeriesFindings
from cityzoo.data.series.series import Series
from cityzoo.errors import InputError, unknown

COLUMNS = ("sensor", "start", "end", "use")
ANSWERS = {"no": True, "yes": False, "": False}  # use -> whether the row is left out


def leave_out(series: Series, path: str, findings: SeriesFindings) -> Series:
    """Return a series without the measurements that a table says are wrong; they are counted.

    Args:
        series: with all of its sensors.
        path: CSV file with the columns `sensor`, `start`, `end` (local times, the end excluded) and `use`: no, yes or
            empty. Other columns are ignored. Rows beyond the times of the series change nothing.
        findings: of the series; gets the places of what is left out.

    Raises:
        InputError: a file that cannot be read, a column that is not there, an unknown sensor or answer, or a time
            that is none, or ends before it starts.
    """
    values, times, place = (
        series.values.copy(),
        series.local_times,
        {n: k for k, n in enumerate(series.sensors)},
    )
    for line, row in _read_rows(path):
        name, answer = row["sensor"], row["use"].strip().lower()
        if name not in place:
            raise unknown(f"sensor in '{path}', line {line}", name, series.sensors)
        if answer not in ANSWERS:
            raise InputError(f"'{path}', line {line}: use is '{row['use']}', allowed are yes, no or nothing")
        start, end = (_parse_time(row[key], path, line) for key in ("start", "end"))
        if end <= start:
            raise InputError(f"'{path}', line {line}: the end, {end}, is not after the start, {start}")
        if ANSWERS[answer]:
            cells = values[(times >= start) & (times < end), place[name]]
            measured = int(np.isfinite(cells).sum())
            if measured:
                findings.add("left out", f"{name} from {row['start']}", measured)
            values[(times >= start) & (times < end), place[name]] = np.nan
    return replace(series, values=values)


def _read_rows(path: str) -> list[tuple[int, dict[str, str]]]:
    try:
        with open_text(Path(path)) as file:
            reader = csv.DictReader(file)
            lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if lacking:
                raise InputError(
                    f"'{path}' has no column {', '.join(lacking)}: give a table of {', '.join(COLUMNS)}"
                )
            return [(reader.line_num, {key: row[key] or "" for key in COLUMNS}) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"'{path}' cannot be read as a table ({error}): give a CSV file") from error


def _parse_time(text: str, path: str, line: int) -> np.datetime64:
    try:
        time: np.datetime64 = np.datetime64(text.strip().replace(" ", "T"), "s")
    except ValueError:
        time = np.datetime64("NaT")
    if np.isnat(time):
        raise InputError(f"'{path}', line {line}: '{text}' is not a time: give such as 2012-03-02 14:30")
    return time
