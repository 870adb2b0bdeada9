"""`python -m cityzoo watch SOURCE --draw IMAGE.png` and `--draw-page SCENE.yaml`: draw a scene instead of watching."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.commands.watch_flags import parse_line, parse_source
from cityzoo.watch.drawing import add_arguments, draw_scene
from cityzoo.watch.scene import Scene, parse_scene, read_scene

FLAGS = ("--draw", "--draw-page")
PROG = "python -m cityzoo watch SOURCE"
ABOUT = """\
Draw a scene on the median of nine frames of a camera, in which nothing moves.

--draw writes an image with a grid to read coordinates from. --draw-page serves a page on this machine alone, at
127.0.0.1 under a secret path: draw with the mouse, save, and end with Ctrl-C. No frame leaves the machine.
"""


def is_drawing(arguments: Sequence[str]) -> bool:
    """Return whether a flag of `add_arguments` is among the arguments.

    Example:
        >>> is_drawing(["road.mp4", "--draw=grid.png"]), is_drawing(["road.mp4", "--run", "run"])
        (True, False)
    """
    return any(word.partition("=")[0] in FLAGS for word in arguments)


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, allow_abbrev=False)
    parser.add_argument(
        "source", metavar="SOURCE", help="video, folder of images, usb:NUMBER, or URL of a stream"
    )
    parser.add_argument("--scene", metavar="FILE", type=Path, help="scene to begin with, or to show")
    about = "line to show; may be repeated"
    parser.add_argument(
        "--line", metavar="NAME:X1,Y1,X2,Y2[:FROM:TO]", action="append", default=[], help=about
    )
    add_arguments(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Draw."""
    given = _parser().parse_args(arguments)
    lines = parse_scene({"lines": [parse_line(text) for text in given.line]}).lines
    scene = read_scene(given.scene) if given.scene else Scene()
    draw_scene(
        given, parse_source(given.source)[1], Scene(**{**vars(scene), "lines": (*scene.lines, *lines)})
    )
    return 0
