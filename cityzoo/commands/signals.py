"""The command that compares signal plans on a simulated day: python -m cityzoo signals."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.errors import InputError

PROG = "python -m cityzoo signals"
TEACHES = """\
One junction of four arms, one drawn day of traffic with its peaks and an incident, four ways to run the signal:
  fixed        one plan all day, the best one for past days
  time of day  Webster's plan for the mean flows of each period of past days: needs no forecast
  actuated     SUMO's own: a green ends when no car follows
  forecast     Webster's plan for the flows forecast before each period, applied only where it should beat fixed

Nothing is switched: this is shadow mode. The forecast's plan keeps back, and the fixed one stays, in each period
where the delay formula sees no gain (5 % at the forecast, any at its upper quantile and at a second, simple one); where
its plan for the period before turned out worse; and in the hours that went worse in simulations of the days before.
Delay is what a car loses against driving freely, in seconds. "queue" is the longest of any lane, in vehicles;
"applied" the periods in which the forecast's plan ran.
"""
EXAMPLES = f"""\
examples:
  {PROG}                            the whole day; one to three minutes
  {PROG} --hours 7-9                the morning alone; seconds
  {PROG} --scale 1.3 --day weekend  more traffic, on a Saturday
  {PROG} --out signals              also signals.json, plan.csv, counts.csv, forecast.csv, sumo/
  {PROG} --forecast mine.csv        another model's forecast

mine.csv: time,north,east,south,west in veh/h, a row a period, made from what was known before it; forecast.csv of
--out is an example of it, and counts.csv holds the days to train on. Forecasts of past days in it are rehearsed.
The simulation is SUMO: pip install "cityzoo[signals]"
"""


def _hours(text: str) -> tuple[int, int]:
    first, _, end = text.partition("-")
    if not (first.isdecimal() and end.isdecimal() and 0 <= int(first) < int(end) <= 24):
        raise InputError(f"'{text}': expected two hours of the day, as 7-9")
    return int(first), int(end)


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not 0.1 <= scale <= 3:
        raise InputError(f"'{text}': expected a factor from 0.1 to 3; 1 is a busy junction")
    return scale


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise InputError(f"'{text}': expected a whole number, 0 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(prog=PROG, description=TEACHES, epilog=EXAMPLES, formatter_class=cli.HelpFormatter)
    add = parser.add_argument
    add("--seed", type=cli.typed(_seed), default=0, metavar="S", help="of the traffic drawn (default: 0)")
    add(
        "--scale", type=cli.typed(_scale), default=1.0, metavar="X", help="times the usual flows (default: 1)"
    )
    add("--period", type=int, choices=(15, 30, 60), default=15, help="minutes between plans (default: 15)")
    add("--day", choices=("weekday", "weekend"), default="weekday", help="the day judged (default: weekday)")
    add("--hours", type=cli.typed(_hours), default=(0, 24), metavar="A-B", help="simulated (default: 0-24)")
    add("--forecast", metavar="FILE.csv", help="use this forecast (default: a simple one)")
    add("--out", metavar="FOLDER", help="write figures and plans there")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Compare, print the table, and write what was asked for."""
    given = _parser().parse_args(arguments)
    from cityzoo.traffic_signals import compare, result_files, sumo, table
    from cityzoo.traffic_signals.demand import draw_days
    from cityzoo.traffic_signals.forecast_file import read_forecasts
    from cityzoo.traffic_signals.junction import Junction

    sumo.sumo_home()  # says what is missing before anything is drawn
    days = draw_days(given.seed, given.scale, given.day == "weekend")
    forecasts = read_forecasts(given.forecast, days.dates[-1], given.period) if given.forecast else None
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(given.out, "sumo") if given.out else Path(aside)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"--out {given.out}: cannot be made ({error}); name a folder to write to"
            ) from error
        scene = compare.Scene(days, Junction(), given.period, given.hours, folder)
        comparison = compare.compare(scene, forecasts)
        sys.stdout.write(table.table(scene, comparison))
        if given.out:
            result_files.write(scene, comparison, Path(given.out))
    return 0
