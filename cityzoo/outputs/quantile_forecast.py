"""The flags of forecasting tasks: how a series is read, and how far ahead what is said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.cli import flag
from cityzoo.cli.values import parse_count, parse_number
from cityzoo.errors import InputError, unknown
from zoo.series.build import BACKBONES

if TYPE_CHECKING:
    from cityzoo.data.series.load import Loaded
    from cityzoo.spec import TrainSpec

HEEDS = (  # of what every run can be told
    *("task", "backbone", "data", "format", "weights", "freeze", "epochs", "batch_size", "learning_rate"),
    *("weight_decay", "clip_norm", "seed", "out"),
)
FROM_ZERO = ("auto", "random")
FREEZE = ("auto", "none", "encoder")
GRAPHS = ("auto", "roads", "correlation", "both", "none")


def parse_rules(text: str) -> tuple[str, ...]:
    """Read alarm rules with semicolons between, and check each.

    Raises:
        InputError: a rule that is none.

    Example:
        >>> parse_rules("speed < 30 within 30min with 0.6 probability")
        ('speed < 30 within 30min with 0.6 probability',)
    """
    from cityzoo.alarms.rules import parse_rule

    rules = tuple(part.strip() for part in text.split(";") if part.strip())
    for rule in rules:
        parse_rule(rule)
    return rules


def parse_shares(text: str) -> tuple[float, ...]:
    """Read "0.7,0.1,0.2" as shares of train, val and test.

    Raises:
        InputError: not three shares that add up to 1.
    """
    words = re.split(r"[,/ ]+", text.strip())
    try:
        shares = tuple(float(word) for word in words)
    except ValueError:
        shares = ()
    if len(shares) != 3 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise InputError(
            f"'{text}' is no split in time: give train, val and test that add up to 1, e.g. 0.7,0.1,0.2"
        )
    return shares


@dataclass(frozen=True)
class ReadsSeries:
    """Read a series; None means: as the data itself says, or a file beside it."""

    start: str | None = flag(
        None, "time of the first row, where the data has none: 2012-03-01", metavar="TIME"
    )
    step: str | None = flag(None, "time from row to row, where the data has none: 5min", metavar="STEP")
    timezone: str | None = flag(
        None, "where the sensors are, e.g. America/Los_Angeles (default: UTC)", metavar="ZONE"
    )
    unit: str | None = flag(None, "unit of each channel, with commas between", metavar="UNIT")
    channel: str | None = flag(
        None, "channels to use, the first is forecast: pm25,temperature,wind_u", metavar="NAMES"
    )
    adjacency: str | None = flag(
        None, "roads between sensors: a CSV or .npy matrix, or from,to,cost", metavar="FILE"
    )
    missing: str | None = flag(
        None, "which zeros mean 'not measured': auto, none, zero", choices=("auto", "none", "zero")
    )
    assumed: tuple[str, str] | None = None

    def __call__(self, source: str, window: int, format: str | None = None) -> Loaded:
        """Return the checked series and what the check found.

        Raises:
            InputError: anything about the data that cannot be used.
        """
        from cityzoo.data.series.load import load_series

        wishes: dict[str, Any] = {
            name: value for name, value in vars(self).items() if value is not None and name != "assumed"
        }
        return load_series(source, **wishes, format=format, window=window, assumed=self.assumed)


@dataclass(frozen=True)
class Forecasting:
    """Say what is forecast, from what, and how it is judged.

    Attributes:
        history: rows that a forecast looks at.
        horizon: rows ahead.
        split: shares of train, val and test, in time.
        graph: which sensors a sensor looks at.
        width: numbers that a backbone keeps of each sensor.
        days: use only the last days of train, as of a new sensor.
        refit: whether val is learned from as well once it has chosen the number of epochs.
        alarm: rules for early warning.
    """

    history: int = flag(12, "rows that a forecast looks at", parse_count, "ROWS")
    horizon: int = flag(12, "rows ahead", parse_count, "ROWS")
    split: tuple = flag((0.7, 0.1, 0.2), "train, val, test, in time", parse_shares, "A,B,C")
    graph: str = flag(
        "auto",
        "whom a sensor looks at: its roads (--adjacency), those whose changes go with its own, both, none; auto: "
        "correlation",
        choices=GRAPHS,
    )
    width: int = flag(128, "numbers that the backbone keeps of each sensor", parse_count, "N")
    days: float = flag(
        0.0, "learn from the last days of train alone, as of a new sensor; 0: all", parse_number, "DAYS"
    )
    refit: str = flag(
        "yes", "learn from val too, once it has chosen the epochs and widths", choices=("yes", "no")
    )
    alarm: tuple = flag(
        (),
        "early warning, rules with ';' between: 'pm25 > 75 within 6h with 0.8 probability'",
        parse_rules,
        "RULES",
    )
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)


def check(spec: TrainSpec) -> None:
    """Refuse what can be known to be wrong before any work.

    Raises:
        InputError: an unknown backbone or part to freeze, weights that are not there.
    """
    if spec.backbone not in BACKBONES:
        raise unknown("backbone of series", spec.backbone, BACKBONES)
    if spec.freeze not in FREEZE:
        raise unknown("part to freeze", spec.freeze, FREEZE)
    if spec.weights not in FROM_ZERO and not Path(spec.weights).exists():
        raise InputError(
            f"--weights '{spec.weights}' is neither a run's folder nor its model.keras, nor auto or random"
        )
