"""Look before you train: what an augmentation policy makes of the user's own pictures, labels drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import augment
from cityzoo.data.pictures import read_picture
from cityzoo.errors import InputError
from cityzoo.report.drawing import grid
from cityzoo.views import Views

PICTURES, VERSIONS = 6, 5
CELL_PX = 400  # width of a picture on the sheet


def sheet(views: Views, pictures: int = PICTURES, versions: int = VERSIONS) -> np.ndarray:
    """Draw a row for each of some pictures: versions of it as the network will see them, labels drawn.

    Args:
        views: how the pictures come to the network.
        pictures: rows of the sheet, spread over the set.
        versions: columns of the sheet.

    Returns:
        (sheet height, sheet width, 3) uint8 RGB.
    """
    chosen = np.unique(np.linspace(0, len(views.pictures) - 1, pictures).round()).astype(int).tolist()
    # Version by version, so that neighbours in a batch, which mixes take from, are different pictures.
    rows = [(row, version) for version in range(versions) for row in chosen]
    drawn: dict[tuple[int, int], np.ndarray] = {}
    for images, targets, _ in views.batches(lambda: iter(rows), len(chosen)):
        for image, target in zip(images.numpy(), targets.numpy(), strict=True):
            drawn[rows[len(drawn)]] = views.kind.draw_target(image, target)
    names = [Path(views.pictures.pictures[row].path).name for row in chosen]
    cells = [drawn[row, version] for row in chosen for version in range(versions)]
    captions = [f"{name}, {version + 1}" for name in names for version in range(versions)]
    cell_hw = round(CELL_PX * views.size_hw[0] / views.size_hw[1]), CELL_PX
    return grid(cells, versions, cell_hw, captions)


def write(views: Views, path: str) -> None:
    """Write the sheet as a picture file.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        Image.fromarray(sheet(views)).save(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--preview '{path}' cannot be written ({error}): give a file such as preview.png"
        ) from error


def to_tensorboard(views: Views, logs: Path) -> None:
    """Show a small sheet among the run's pictures, as what the training begins with."""
    import tensorflow as tf

    with tf.summary.create_file_writer(str(logs / "pictures")).as_default():
        tf.summary.image("train/augmented", sheet(views, pictures=3, versions=3)[None], step=0)


def strengths(image: np.ndarray, size_hw: tuple[int, int] = (84, 112), columns: int = 2) -> np.ndarray:
    """Draw every transform that works on one picture at strengths 0, .25, .5, .75 and 1.

    Args:
        image: (H, W, 3) uint8 RGB.
        size_hw: height and width in pixels of each picture on the sheet.
        columns: transforms beside each other.

    Returns:
        (sheet height, sheet width, 3) uint8 RGB.
    """
    import tensorflow as tf

    from augment import transforms  # noqa: F401  # fills TRANSFORMS

    sample, seed = {"images": tf.constant(image)}, tf.constant([2, 7])
    large_hw = tuple(3 * side for side in size_hw)  # effects are made at the size of a network's input
    cells, captions = [], []
    for name, transform in augment.TRANSFORMS.items():
        if transform.stage == "mix":
            continue
        for strength in (0.0, 0.25, 0.5, 0.75, 1.0):
            policy = augment.Policy(name, (augment.Step(name, {"strength": (strength, strength)}),))
            cells.append(augment.apply(sample, policy, large_hw, seed)["images"].numpy())
            captions.append(f"{name} {strength:g}")
    return grid(cells, 5 * columns, size_hw, captions)


def main() -> None:
    """Answer `python -m cityzoo.preview OUT PICTURE`."""
    from cityzoo import cli

    parser = cli.Parser(
        prog="python -m cityzoo.preview",
        description="Draw every transform of augment/ at strengths 0 to 1 on one picture.",
    )
    parser.add_argument("out", help="picture file to write, e.g. transforms.jpg")
    parser.add_argument("picture", help="what to draw them on")
    asked = parser.parse_args()
    Image.fromarray(strengths(read_picture(asked.picture))).save(asked.out, quality=65)


if __name__ == "__main__":
    main()
