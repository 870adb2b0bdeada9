"""Make signal plans from camera counts and forecasts, in shadow mode: python -m cityzoo loop WATCHED --out FOLDER."""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_seed
from cityzoo.commands.signals import parse_hours
from cityzoo.errors import InputError, unknown

LOG = logging.getLogger(__name__)
PROG = "python -m cityzoo loop"
ARMS = ("north", "east", "south", "west")
DEMO_DAYS = 27  # before the last one
ABOUT = """\
Join camera counts, a forecast and signal plans at a junction of four arms, and show what the plans would have changed.
Nothing is switched: the last days are simulated in SUMO with the fixed plan, plans by time of day, those of the loop,
and those of an oracle that knows each period's flow.

The fixed plan stays in every period without a gain at the forecast, at its upper quantile - errors of the forecast and
of the counts together - and at a second forecast; in hours that were worse on the days before; and while a camera does
not see its arm.
"""
EXAMPLES = f"""\
examples:
  {PROG} --demo --out loop                       simulated cameras at the demo junction; minutes
  python train.py --task traffic_flow --data loop/flows.csv --out runs/flow
  {PROG} --demo --out loop2 --run runs/flow      the same with a trained forecast
  {PROG} watched/north watched/south watched/east watched/west --timezone Europe/Berlin --out loop
  {PROG} watched --arms north=a.stop.in,south=b.stop.in,east=c.stop.in,west=d.stop.in --out loop

watched: folders of python -m cityzoo watch with counts of at least four days, two of each kind before those simulated.
Without --arms, the line or the side of a sensor's name must be the name of its arm: camera.LINE.SIDE.
The simulation needs SUMO: pip install "cityzoo[signals]"
"""


def parse_arms(text: str) -> dict[str, list[str]]:
    """Read "north=a,east=b,east=c" as sensors by arm.

    Raises:
        InputError: no pairs, or another arm.

    Example:
        >>> parse_arms("north=a.in,east=b.in,east=c.in")
        {'north': ['a.in'], 'east': ['b.in', 'c.in']}
    """
    found: dict[str, list[str]] = {}
    for pair in text.split(","):
        arm, equals, sensor = (part.strip() for part in pair.partition("="))
        if not (equals and sensor):
            raise InputError(f"'{pair}': expected ARM=SENSOR, e.g. north=road.stop.in")
        if arm not in ARMS:
            raise unknown("arm", arm, ARMS)
        found.setdefault(arm, []).append(sensor)
    return found


def parse_turns(text: str) -> tuple[float, float, float]:
    """Read "0.15,0.67,0.18" as the shares of left, straight and right.

    Raises:
        InputError: not three shares that add up to 1.
    """
    try:
        left, straight, right = (float(word) for word in text.split(","))
    except ValueError:
        left = straight = right = -1.0
    if min(left, straight, right) < 0 or abs(left + straight + right - 1) > 0.01:
        raise InputError(
            f"'{text}': expected shares of left, straight and right that add up to 1, e.g. 0.15,0.67,0.18"
        )
    return left, straight, right


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES)
    add, of = parser.add_argument, cli.argparse_type
    add("watched", nargs="*", type=Path, metavar="WATCHED", help="folders with counts.csv, or such files")
    add("--demo", action="store_true", help="simulate the traffic and what cameras would count of it")
    add("--out", type=Path, required=True, metavar="FOLDER", help="gets report.html, report.json, flows.csv")
    add("--arms", type=of(parse_arms), metavar="ARM=SENSOR,...", help="sensors towards the junction")
    add(
        "--run",
        metavar="RUN",
        help="forecasts: a run of traffic_flow on flows.csv (default: a simple forecast)",
    )
    add("--days", type=of(parse_count), default=5, metavar="N", help="last days to simulate (default: 5)")
    add("--period", type=int, choices=(15, 30, 60), default=15, help="minutes between plans (default: 15)")
    add(
        "--hours",
        type=of(parse_hours),
        default=(6, 20),
        metavar="A-B",
        help="hours to simulate (default: 6-20)",
    )
    add(
        "--turns",
        type=of(parse_turns),
        default=(0.15, 0.67, 0.18),
        metavar="L,S,R",
        help="shares of left, straight and right (default: 0.15,0.67,0.18)",
    )
    add("--timezone", default="UTC", metavar="ZONE", help="of the days, e.g. Europe/Berlin (default: UTC)")
    add("--seed", type=of(parse_seed), default=0, metavar="S", help="of the demo (default: 0)")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run the loop over the last days, and write the page."""
    given = _parser().parse_args(arguments)
    from cityzoo.loop.camera_counts import read_counts
    from cityzoo.loop.forecasts import forecast_by_run, write_arm_flows
    from cityzoo.loop.report import write_loop_report
    from cityzoo.loop.shadow import Loop, Setting
    from cityzoo.traffic_signals import sumo

    if given.demo == bool(given.watched):
        raise InputError("give folders of python -m cityzoo watch, or --demo, not both")
    sumo.sumo_home()  # fail early
    try:
        given.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {given.out}: cannot be created ({error.strerror}); give a folder") from error
    watched, truth = given.watched, None
    if given.demo:
        from cityzoo.loop.simulated_cameras import write_watched
        from cityzoo.traffic_signals.demand import draw_days

        truth = draw_days(given.seed, past=DEMO_DAYS)
        watched = write_watched(truth, given.out / "cameras")
    counts = read_counts(watched, given.arms, given.timezone)
    flows = given.out / "flows.csv"
    write_arm_flows(counts, given.period, flows)
    forecasts = forecast_by_run(given.run, flows, counts, given.period) if given.run else None
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(Setting(counts, truth, given.turns, given.period, given.hours, Path(folder), forecasts))
        days = loop.run(given.days)
    page = write_loop_report(loop, days, given.out)
    LOG.info("report: %s", page)
    return 0
