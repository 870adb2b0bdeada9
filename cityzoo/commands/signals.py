"""Command `python -m cityzoo signals`: compare signal plans on a simulated day."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.cli.values import parse_seed
from cityzoo.errors import InputError

PROG = "python -m cityzoo signals"
ABOUT = """\
Compare four signal plans at a junction of four arms, on a simulated day with peaks and an incident:
  fixed        one plan for the whole day, the best one for past days
  time of day  Webster's plan for the mean flows of each period on past days; needs no forecast
  actuated     SUMO's actuated control: a green ends when no car follows
  forecast     Webster's plan for the forecast flows of each period, applied only if it should beat fixed

This is shadow mode: no signal is switched. The fixed plan stays in periods without a gain by the delay formula (5 % at
the forecast, any gain at its upper quantile and at a second, simple forecast), after a period in which the plan was
worse, and in hours that were worse in simulations of the days before.
Delay is the time lost compared with free driving, in seconds. "queue" is the longest queue of a lane, in vehicles;
"applied" counts the periods with the plan of the forecast.
"""
EXAMPLES = f"""\
examples:
  {PROG}                            the whole day; one to three minutes
  {PROG} --hours 7-9                only the morning; seconds
  {PROG} --scale 1.3 --day weekend  more traffic, on a Saturday
  {PROG} --out signals              write signals.json, plan.csv, counts.csv, forecast.csv, sumo/
  {PROG} --forecast mine.csv        use another model's forecast

mine.csv: time,north,east,south,west in veh/h, one row per period, forecast before its start; see forecast.csv of --out
for an example, and counts.csv for days to train on. Forecasts of past days are simulated first.
The simulation needs SUMO: pip install "cityzoo[signals]"
"""


def parse_hours(text: str) -> tuple[int, int]:
    """Read "7-9" as two hours of the day, or raise InputError."""
    first, _, end = text.partition("-")
    if not (first.isdecimal() and end.isdecimal() and 0 <= int(first) < int(end) <= 24):
        raise InputError(f"'{text}': expected two hours of the day, e.g. 7-9")
    return int(first), int(end)


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not 0.1 <= scale <= 3:
        raise InputError(f"'{text}': expected a factor from 0.1 to 3; 1 is a busy junction")
    return scale


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES)
    add, seed, scale, hours = parser.add_argument, *map(cli.argparse_type, (parse_seed, _scale, parse_hours))
    add("--seed", type=seed, default=0, metavar="S", help="random seed of the traffic (default: 0)")
    add("--scale", type=scale, default=1.0, metavar="X", help="factor of the usual flows (default: 1)")
    add("--period", type=int, choices=(15, 30, 60), default=15, help="minutes between plans (default: 15)")
    add("--day", choices=("weekday", "weekend"), default="weekday", help="kind of day (default: weekday)")
    add("--hours", type=hours, default=(0, 24), metavar="A-B", help="hours to simulate (default: 0-24)")
    add("--forecast", metavar="FILE.csv", help="use this forecast (default: a simple one)")
    add("--out", metavar="FOLDER", help="write results and plans there")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Compare the plans, print the table, and write the files of --out."""
    given = _parser().parse_args(arguments)
    from cityzoo.traffic_signals import compare, sumo, table
    from cityzoo.traffic_signals.demand import draw_days
    from cityzoo.traffic_signals.forecast_file import read_forecasts
    from cityzoo.traffic_signals.junction import Junction

    sumo.sumo_home()  # fail early
    days = draw_days(given.seed, given.scale, given.day == "weekend")
    forecasts = read_forecasts(given.forecast, days.dates[-1], given.period) if given.forecast else None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.out, "sumo") if given.out else Path(temporary)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"--out {given.out}: cannot be created ({error}); give a folder to write to"
            ) from error
        scene = compare.Scene(days, Junction(), given.period, given.hours, folder)
        comparison = compare.compare(scene, forecasts)
        sys.stdout.write(table.format_table(scene, comparison))
        if given.out:
            table.write_results(scene, comparison, Path(given.out))
    return 0
