"""Read the counts of watched folders and join them to flows of the arms of a junction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.errors import InputError, unknown
from cityzoo.traffic_signals.demand import QUARTERS, Days
from cityzoo.traffic_signals.junction import ARMS

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("time", "sensor", "value", "low", "high", "observed_share")
LEAST_OBSERVED = 0.5  # of a quarter of an hour, below which it counts as not observed
QUARTER = 900  # seconds


@dataclass(frozen=True)
class CameraCounts:
    """Vehicles that cameras counted at the arms of a junction, in each quarter of an hour.

    Attributes:
        dates: consecutive days, local.
        values: (days, 96, 4 arms) float64, scaled to the whole quarter; NaN: not observed.
        low: their lower limits.
        high: their upper limits.
        sensors: that were added up, by arm.
    """

    dates: tuple[date, ...]
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sensors: Mapping[str, Sequence[str]]

    @property
    def is_observed(self) -> np.ndarray:
        """Return which quarters were observed, (days, 96, 4 arms) bool."""
        return np.isfinite(self.values)

    def excess(self, days: Sequence[int]) -> np.ndarray:
        """Return the share by which counts may be too low, (96, 4 arms), from the limits on some days.

        It is a mean over an hour of all days: an error that a camera makes at dusk is looked for at dusk.
        """
        hours = np.arange(QUARTERS) // 4
        values, high = (np.nan_to_num(each[list(days)]).sum(axis=0) for each in (self.values, self.high))
        by_hour = [
            (high[hours == hour].sum(0), values[hours == hour].sum(0)) for hour in range(QUARTERS // 4)
        ]
        shares = np.array([np.maximum(most / np.maximum(value, 1) - 1, 0) for most, value in by_hour])
        return shares[hours]

    def as_days(self, turns: Sequence[float], seed: int = 0) -> Days:
        """Return the counts as whole vehicles by movement.

        Quarters without observation get the mean of the other days of their kind, so that totals are plausible;
        `is_observed` says which they are.

        Args:
            turns: shares of left, straight and right, of every arm.
            seed: of the moments at which the vehicles arrive in simulation.
        """
        filled = self.values.copy()
        weekend = np.array([day.weekday() >= 5 for day in self.dates])
        for kind in (weekend, ~weekend):
            if kind.any():
                of_kind = filled[kind]
                means = _mean_observed(of_kind)
                filled[kind] = np.where(np.isfinite(of_kind), of_kind, means)
        movements = np.nan_to_num(filled)[..., None] * np.asarray(turns)
        whole = np.diff(np.rint(np.cumsum(movements, axis=1)), axis=1, prepend=0)  # totals stay
        return Days(self.dates, whole.astype(np.int64), ("",) * len(self.dates), seed)


def _mean_observed(values: np.ndarray) -> np.ndarray:
    """Return the mean over the days, (96, arms); where no day was observed, of the arm's other quarters."""
    seen = np.isfinite(values)
    means = np.nansum(values, axis=0) / np.maximum(seen.sum(axis=0), 1)
    of_arm = np.nansum(values, axis=(0, 1)) / np.maximum(seen.sum(axis=(0, 1)), 1)
    return np.where(seen.any(axis=0), means, of_arm)


def read_counts(
    folders: Sequence[Path], arms: Mapping[str, Sequence[str]] | None = None, timezone: str = "UTC"
) -> CameraCounts:
    """Read counts.csv of folders that `python -m cityzoo watch` wrote.

    Days that are observed only in part are kept if at least half of their quarters are.

    Args:
        folders: or the CSV files themselves.
        arms: sensors to add up for each arm; None: the sensors whose names hold the name of the arm.
        timezone: of the days.

    Raises:
        InputError: no counts, other columns, an interval that does not divide 15 minutes, arms without a sensor.
    """
    import pandas as pd

    table = pd.concat([_read_table(folder) for folder in folders], ignore_index=True)
    found = _match_arms(sorted(table["sensor"].unique()), arms)
    arm_of = {sensor: ARMS.index(arm) for arm, sensors in found.items() for sensor in sensors}
    table = table[table["sensor"].isin(arm_of)].assign(arm=table["sensor"].map(arm_of))
    repeated = table.duplicated(["time", "sensor"])
    if repeated.any():
        row = table[repeated].iloc[0]
        raise InputError(
            f"sensor '{row['sensor']}' has two counts for {row['time']}: give each watched folder once"
        )
    local = table["time"].dt.tz_convert(_check_zone(timezone)).dt.tz_localize(None)
    first = local.min().normalize()
    slot = ((local - first).dt.total_seconds() // QUARTER).astype(int)
    days = int(slot.max()) // QUARTERS + 1
    shape, sensors = (days * QUARTERS, len(ARMS)), len(arm_of)
    if not sensors:
        raise InputError("no sensor of an arm has counts")
    values, low, high = _add_up(table, slot.to_numpy(), shape)
    dates = tuple((first + pd.Timedelta(days=day)).date() for day in range(days))
    values, low, high = (each.reshape(days, QUARTERS, len(ARMS)) for each in (values, low, high))
    return _whole_days(CameraCounts(dates, values, low, high, found))


def _read_table(folder: Path) -> pd.DataFrame:
    import pandas as pd

    file = folder / "counts.csv" if folder.is_dir() else folder
    try:
        table = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{file}' cannot be read ({error}): give a folder that python -m cityzoo watch wrote"
        ) from error
    for name in COLUMNS:
        if name not in table:
            raise InputError(f"'{file}' has no column '{name}': expected {', '.join(COLUMNS)}")
    try:
        table["time"] = pd.to_datetime(table["time"], utc=True, format="ISO8601")
        numbers = table[list(COLUMNS[2:])].astype(float)
    except (ValueError, TypeError) as error:
        raise InputError(f"'{file}': {str(error)[:120]}: expected times and numbers") from error
    if ((numbers < 0) | (numbers == float("inf"))).any().any() or not len(table):
        raise InputError(f"'{file}' has no rows, or negative or infinite counts: write it again")
    steps = table.sort_values(["sensor", "time"]).groupby("sensor")["time"].diff().dt.total_seconds()
    usual = steps[steps > 0].min()
    lengths = pd.Series(usual, table.index, dtype=float)
    if "unit" in table:  # the last interval of a recording is shorter
        lengths = table["unit"].astype(str).str.extract(r"per ([\d.]+) s")[0].astype(float).fillna(usual)
    if not len(steps[steps > 0]):
        raise InputError(f"'{file}' has a single interval of each sensor: watch for days")
    if not (usual <= QUARTER and QUARTER % usual == 0):
        raise InputError(
            f"'{file}' has intervals of {usual:g} s: expected intervals that divide 15 minutes, such as 5min"
        )
    return table.assign(seconds=lengths)


def _match_arms(sensors: Sequence[str], arms: Mapping[str, Sequence[str]] | None) -> dict[str, list[str]]:
    if arms is not None:
        for sensor in (each for names in arms.values() for each in names):
            if sensor not in sensors:
                raise unknown("sensor of --arms", sensor, sensors)
        found = {arm: list(arms.get(arm, ())) for arm in ARMS}
    else:
        found = {arm: [sensor for sensor in sensors if arm in sensor.lower().split(".")] for arm in ARMS}
    for arm, names in found.items():
        if len(names) != 1 and arms is None or not names:
            choice = f"{len(names)} sensors" if names else "no sensor"
            raise InputError(
                f"{choice} for arm '{arm}': give --arms {arm}=SENSOR,..., of {', '.join(list(sensors)[:12])}"
            )
    return found


def _check_zone(timezone: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(
            f"--timezone '{timezone}' is unknown: expected a name such as Europe/Berlin"
        ) from error
    return timezone


def _add_up(table: pd.DataFrame, slot: np.ndarray, shape: tuple[int, int]) -> list[np.ndarray]:
    """Return values, low and high of the quarters (slots, arms): the sensors of an arm are added up.

    Low and high are added up, too: what a camera misses, it misses in every interval.
    """
    arm, share = table["arm"].to_numpy(int), np.nan_to_num(table["observed_share"].to_numpy(float))
    value = table["value"].to_numpy(float)
    share = np.where(np.isfinite(value), share, 0)
    seconds = table["seconds"].to_numpy(float)
    per_arm = table.groupby("arm")["sensor"].nunique().reindex(range(shape[1]), fill_value=0).to_numpy()

    def total(weights: np.ndarray) -> np.ndarray:
        result = np.zeros(shape)
        np.add.at(result, (slot, arm), weights)
        return result

    observed = total(share * seconds) / (QUARTER * np.maximum(per_arm, 1))
    present = total(np.where(share > 0, seconds, 0)) / (QUARTER * np.maximum(per_arm, 1))
    results = []
    for name in ("value", "low", "high"):
        summed = total(np.where(share > 0, np.nan_to_num(table[name].to_numpy(float)), 0))
        known = observed >= LEAST_OBSERVED
        results.append(np.where(known, summed / np.where(known, present, 1), np.nan))
    return results


def _whole_days(counts: CameraCounts) -> CameraCounts:
    kept = np.flatnonzero(counts.is_observed.mean(axis=(1, 2)) >= 0.5)
    if not len(kept):
        raise InputError("not one day is observed for at least half of it at all arms: watch longer")
    span = slice(kept[0], kept[-1] + 1)
    parts = (counts.values[span], counts.low[span], counts.high[span])
    return CameraCounts(counts.dates[span], *parts, counts.sensors)
