"""The flags of `python -m cityzoo watch` that draw a scene instead of watching."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.watch.drawing.grid_image import draw_grid, median_frame
from cityzoo.watch.scene import Scene, read_scene
from cityzoo.watch.sources import open_source

LOG = logging.getLogger(__name__)
SUFFIXES = (".png", ".jpg", ".jpeg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --draw and --draw-page."""
    group = parser.add_argument_group("draw a scene")
    group.add_argument(
        "--draw",
        metavar="IMAGE.png",
        help="write a frame without moving objects, with a grid of 0..1 and the lines and zones of --scene",
    )
    group.add_argument(
        "--draw-page",
        metavar="SCENE.yaml",
        help="open a page on this machine to draw lines, zones and the ground with the mouse; it saves SCENE.yaml",
    )


def draw_scene(given: argparse.Namespace, source: str, scene: Scene) -> None:
    """Draw what the flags of `add_arguments` name.

    Args:
        given: parsed flags.
        source: of the frame, see `open_source`.
        scene: that --draw shows.

    Raises:
        InputError: no frame arrives, a file that cannot be written, or SCENE.yaml is there and no scene.
    """
    image_file = Path(given.draw) if given.draw else None
    if image_file and image_file.suffix.lower() not in SUFFIXES:
        raise InputError(f"--draw {given.draw}: expected an image file to write, e.g. scene.png")
    page_file = Path(given.draw_page) if given.draw_page else None
    existing = read_scene(page_file) if page_file and page_file.exists() else scene
    with open_source(source, fps=2) as opened:
        image = median_frame(opened)
    if image_file:
        from PIL import Image

        try:
            Image.fromarray(draw_grid(image, scene)).save(image_file)
        except OSError as error:
            raise InputError(f"--draw {given.draw}: cannot be written ({error.strerror})") from error
        LOG.info("%s: %d x %d pixels, coordinates are 0..1", image_file, image.shape[1], image.shape[0])
    if page_file:
        from cityzoo.watch.drawing.page import serve_page

        serve_page(image, existing, page_file)
