"""The flags of python -m cityzoo watch."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cityzoo import cli
from cityzoo.cli.values import parse_count, parse_names, parse_score
from cityzoo.commands.watch_outlets import add_outlet_arguments
from cityzoo.errors import InputError
from cityzoo.watch.scene import Line, Scene, parse_scene, read_scene

PROG = "python -m cityzoo watch"
Read = TypeVar("Read")
UNITS = {"s": 1, "min": 60, "h": 3600}
ABOUT = """\
Count what crosses a line in videos and camera streams, and write counts with their uncertainty, events and alarms.

A source is a video file, a folder of images, usb:0, or a stream such as rtsp://HOST/PATH; several cameras have names:
north=rtsp://HOST/1. The detector is a run that was exported (python -m cityzoo export RUN). The score at which tracks
start comes from the run's own report; low..high is the range of the counts with a score a quarter lower and higher,
wider where a camera did not send frames. Time without frames is "not observed", never zero vehicles.
"""
EXAMPLES = f"""\
examples:
  {PROG} road.mp4 --run runs/mine --line "north:0.1,0.5,0.9,0.5"
  {PROG} road.mp4 --run runs/mine --line "north:0.1,0.5,0.9,0.5:city:harbour" --classes car,bus,truck --out watched/
  {PROG} north=rtsp://HOST/1 south=rtsp://HOST/2 --run exported/ --scene crossing.yaml --fps 5
  {PROG} rtsp://HOST/1 --run exported/ --incidents runs/fire
  {PROG} usb:0 --run exported/ --scene door.yaml --minutes 60 --interval 5min
  {PROG} road.mp4 --draw grid.png                an image to read coordinates from
  {PROG} road.mp4 --draw-page scene.yaml         a page to draw the scene with the mouse
  {PROG} --evaluate watched/ --truth FILE        how right was it? (--evaluate --help)
  {PROG} --acknowledge watched/ ALARM --by "Ada Lovelace"
a line is NAME:X1,Y1,X2,Y2 with coordinates 0..1 of the image; walking from the first point to the last, the side FROM
is on the left hand, TO on the right: of a line drawn from left to right, FROM is above. Its position matters: where
vehicles cross it they should be large, whole and unhidden.
Ctrl-C ends it: everything counted so far is written. Exit code 2: unusable input, or nothing reached the score.
"""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the flags."""
    return watch_parser().parse_args(arguments)


def watch_parser() -> cli.Parser:
    """Return the parser of the command."""
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    score, names, seconds = map(cli.argparse_type, (parse_score, parse_names, parse_seconds))
    add = parser.add_argument
    about = "video, folder of images, usb:NUMBER, or URL of a stream"
    add("sources", metavar="[NAME=]SOURCE", nargs="+", help=about)
    add(
        "--run", metavar="RUN", required=True, help="exported folder, its model file, or a run with an export"
    )
    about = "exported classifier of whole images, as of incident_classify: alarms on its classes"
    add("--incidents", metavar="RUN", help=about)
    about = "most frames per second and camera that --incidents classifies (default: 2)"
    add("--incidents-fps", metavar="N", type=cli.argparse_type(parse_positive), default=2.0, help=about)
    add("--out", metavar="NEW", help="new folder (default: watched/CAMERA, with a number if that exists)")
    add = parser.add_argument_group("what is counted").add_argument
    about = "line to count at, see below; may be repeated"
    add("--line", metavar="NAME:X1,Y1,X2,Y2[:FROM:TO]", action="append", default=[], help=about)
    about = "lines, zones, flows, ground of the image, as YAML or GeoJSON; CAMERA=FILE: of one of the cameras"
    add("--scene", metavar="[CAMERA=]FILE", action="append", default=[], help=about)
    add("--classes", metavar="NAMES", type=names, default=(), help="that are tracked (default: all)")
    about = "score at which tracks start, 0..1 (default: 3/4 of the score of the run's best F1)"
    add("--threshold", metavar="SCORE", type=score, help=about)
    about = "calibration.json that --evaluate wrote for a hand-counted clip of this camera: low..high by its errors"
    add("--calibration", metavar="[CAMERA=]FILE", action="append", default=[], help=about)
    add("--interval", metavar="TIME", type=seconds, default=300.0, help="of a row of counts (default: 5min)")
    _add_source(parser)
    add = parser.add_argument_group("output").add_argument
    add("--tracks", action="store_true", help="write the boxes of all tracks, in the format of MOTChallenge")
    add_outlet_arguments(parser)
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
    count, number, moment = map(cli.argparse_type, (parse_count, parse_positive, parse_moment))
    add = parser.add_argument_group("source").add_argument
    about = "most frames per second that are looked at; of a folder, the rate of its images (default: all; 1)"
    add("--fps", metavar="N", type=number, help=about)
    add("--minutes", metavar="N", type=number, help="end after this time (default: at the end, or never)")
    about = "of the first frame of a recording, as 2026-03-01T08:00 (default: by the file's time)"
    add("--start", metavar="TIME", type=moment, help=about)
    add("--batch-size", metavar="N", type=count, default=8, help="frames of recordings (default: 8)")
    add("--threads", metavar="N", type=count, help="of the detector (default: those of the machine)")


def parse_positive(text: str) -> float:
    """Read a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise InputError(f"'{text}' is not a number above 0")
    return value


def parse_seconds(text: str) -> float:
    """Read a time span.

    Example:
        >>> parse_seconds("5min"), parse_seconds("30s")
        (300.0, 30.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?) *(s|min|h)", text.strip())
    seconds = float(match[1]) * UNITS[match[2]] if match else 0.0
    if seconds < 1:
        raise InputError(f"'{text}' is not a time of 1 s or more: write it as 30s, 5min or 1h")
    return seconds


def parse_moment(text: str) -> float:
    """Read a date and time as Unix seconds; without a zone it is local time.

    Example:
        >>> parse_moment("1970-01-02T00:00Z")
        86400.0
    """
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"'{text}' is not a time: write it as 2026-03-01T08:00 or 2026-03-01T08:00+01:00"
        ) from error


def parse_source(text: str) -> tuple[str | None, str]:
    """Return the name of a camera, if there is one, and its source.

    Example:
        >>> parse_source("north=rtsp://cam/1?a=b"), parse_source("rtsp://cam/1?a=b")
        (('north', 'rtsp://cam/1?a=b'), (None, 'rtsp://cam/1?a=b'))
    """
    match = re.fullmatch(r"([\w.-]+)=(.+)", text)
    return (match[1], match[2]) if match and not Path(text).exists() else (None, text)


def parse_line(text: str) -> dict[str, object]:
    """Return a line as a scene file has it.

    Example:
        >>> parse_line("north:0.1,0.5,0.9,0.5:city:harbour")
        {'name': 'north', 'points': [[0.1, 0.5], [0.9, 0.5]], 'from': 'city', 'to': 'harbour'}
    """
    name, *rest = text.split(":")
    try:
        numbers = [float(number) for number in rest[0].split(",")] if rest else []
    except ValueError:
        numbers = []
    if not name or len(rest) not in (1, 3) or len(numbers) < 4 or len(numbers) % 2:
        raise InputError(
            f"--line '{text}' is not understood: write NAME:X1,Y1,X2,Y2 with 0..1 of the image, "
            "e.g. north:0.1,0.5,0.9,0.5, or with the names of its sides, north:0.1,0.5,0.9,0.5:city:harbour"
        )
    points = [list(pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
    line: dict[str, object] = {"name": name, "points": points}
    return line | dict(zip(("from", "to"), rest[1:], strict=False))


def make_scenes(
    given: argparse.Namespace, cameras: Sequence[str], rules: Sequence[str] = ()
) -> dict[str, Scene]:
    """Return the scene of each camera: those of files, with the lines of the command line.

    Args:
        given: the flags.
        cameras: names of the cameras.
        rules: that hold where a scene has no rule on the same class.

    Raises:
        InputError: damaged or contradictory, for a camera that there is not, or without anything to watch.
    """
    lines = parse_scene({"lines": [parse_line(text) for text in given.line]}).lines
    scenes = read_of_cameras("--scene", given.scene, cameras, read_scene)
    return {camera: _join(scenes.get(camera, Scene()), lines, rules, camera) for camera in cameras}


def read_of_cameras(
    flag: str, texts: Sequence[str], cameras: Sequence[str], read: Callable[[Path], Read]
) -> dict[str, Read]:
    """Return what the files of a flag hold, by camera; FILE is of all cameras, CAMERA=FILE of one.

    Raises:
        InputError: there is no such camera.
    """
    found: dict[str, Read] = {}
    for text in texts:
        camera, file = parse_source(text)
        if camera is not None and camera not in cameras:
            raise InputError(f"{flag} '{text}': there is no camera '{camera}', but {', '.join(cameras)}")
        found |= dict.fromkeys([camera] if camera else cameras, read(Path(file)))
    return found


def _join(scene: Scene, lines: Sequence[Line], rules: Sequence[str], camera: str) -> Scene:
    from cityzoo.watch.incidents.build import add_rules

    joined = replace(add_rules(scene, rules), lines=(*scene.lines, *lines))
    names = [line.name for line in joined.lines]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two lines are named '{name}': give each its own name")
    if not (joined.lines or joined.zones or joined.rules):
        raise InputError(
            f"nothing to count at '{camera}': give --line, e.g. --line north:0.1,0.5,0.9,0.5, or --scene FILE"
        )
    return joined
