"""Look before you train: what an augmentation policy makes of the user's own images, labels drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import augment
from cityzoo import visualize
from cityzoo.data.image.decode import read_image
from cityzoo.data.image.views import AugmentedViews
from cityzoo.errors import InputError
from cityzoo.visualize.boxes import image_grid

IMAGES, VERSIONS = 6, 5
CELL_PX = 400  # width of an image on the sheet


def contact_sheet(views: AugmentedViews, examples: int = IMAGES, versions: int = VERSIONS) -> np.ndarray:
    """Draw a row for each of some images: versions of it as the network will see them, labels drawn.

    Args:
        views: how the images come to the network.
        images: rows of the sheet, spread over the set.
        versions: columns of the sheet.

    Returns:
        (sheet height, sheet width, 3) uint8 RGB.
    """
    chosen = np.unique(np.linspace(0, len(views.examples) - 1, examples).round()).astype(int).tolist()
    # Version by version, so that neighbours in a batch, which mixes take from, are different images.
    rows = [(row, version) for version in range(versions) for row in chosen]
    drawn: dict[tuple[int, int], np.ndarray] = {}
    draw_target = visualize.find(views.output).draw_target
    for images, targets, _ in views.batches(lambda: iter(rows), len(chosen)):
        for image, target in zip(images.numpy(), targets.numpy(), strict=True):
            drawn[rows[len(drawn)]] = draw_target(image, target, views.output)
    names = [Path(views.examples.examples[row].path).name for row in chosen]
    cells = [drawn[row, version] for row in chosen for version in range(versions)]
    captions = [f"{name}, {version + 1}" for name in names for version in range(versions)]
    cell_hw = round(CELL_PX * views.size_hw[0] / views.size_hw[1]), CELL_PX
    return image_grid(cells, versions, cell_hw, captions)


def write(views: AugmentedViews, path: str) -> None:
    """Write the sheet as an image file.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        Image.fromarray(contact_sheet(views)).save(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--preview '{path}' cannot be written ({error}): give a file such as preview.png"
        ) from error


def to_tensorboard(views: AugmentedViews, logs: Path) -> None:
    """Show a small sheet among the run's images, as what the training begins with."""
    import tensorflow as tf

    with tf.summary.create_file_writer(str(logs / "images")).as_default():
        tf.summary.image("train/augmented", contact_sheet(views, examples=3, versions=3)[None], step=0)


def strengths(image: np.ndarray, size_hw: tuple[int, int] = (84, 112), columns: int = 2) -> np.ndarray:
    """Draw every transform that works on one image at strengths 0, .25, .5, .75 and 1.

    Args:
        image: (H, W, 3) uint8 RGB.
        size_hw: height and width in pixels of each image on the sheet.
        columns: transforms beside each other.

    Returns:
        (sheet height, sheet width, 3) uint8 RGB.
    """
    import tensorflow as tf

    from augment.registry import load_transforms

    sample, seed = {"images": tf.constant(image)}, tf.constant([2, 7])
    large_hw = tuple(3 * side for side in size_hw)  # effects are made at the size of a network's input
    cells, captions = [], []
    for name, transform in load_transforms().items():
        if transform.stage == "mix":
            continue
        for strength in (0.0, 0.25, 0.5, 0.75, 1.0):
            policy = augment.Policy(name, (augment.Step(name, {"strength": (strength, strength)}),))
            cells.append(augment.apply(sample, policy, large_hw, seed)["images"].numpy())
            captions.append(f"{name} {strength:g}")
    return image_grid(cells, 5 * columns, size_hw, captions)


def main() -> None:
    """Answer `python -m cityzoo.visualize.augmented OUT IMAGE`."""
    from cityzoo import cli

    parser = cli.Parser(
        prog="python -m cityzoo.visualize.augmented",
        description="Draw every transform of augment/ at strengths 0 to 1 on one image.",
    )
    parser.add_argument("out", help="image file to write, e.g. transforms.jpg")
    parser.add_argument("image", help="what to draw them on")
    asked = parser.parse_args()
    Image.fromarray(strengths(read_image(asked.image))).save(asked.out, quality=65)


if __name__ == "__main__":
    main()
