"""Draw sounds: their log-mel spectrograms with labels and results."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.modalities.renderer import ExampleRenderer

if TYPE_CHECKING:
    from cityzoo.data.audio import AudioExample, AudioSet
    from cityzoo.modalities.audio.views import AudioViews
    from cityzoo.outputs import Output

LONGEST = 10 * 16_000  # samples that are drawn
SOUNDS, VERSIONS = 6, 5  # of a preview
CELL_HW = (160, 320)
PIXELS = 4  # of a band
COLORS = "magma"


class AudioRenderer(ExampleRenderer):
    """Draw spectrograms."""

    def write_examples(
        self,
        output: Output,
        examples: AudioSet,
        results: Sequence[Any],
        details: Mapping[str, Any],
        folder: Path,
    ) -> dict[str, Any]:
        from cityzoo import visualize

        drawing = visualize.find(output)
        if drawing:
            drawing.write_examples(examples, results, output, details, folder, read=_draw_example)
        return {}

    def render(
        self, output: Any, example: AudioExample, result: Any, labeled: bool = True
    ) -> np.ndarray | None:
        from cityzoo import visualize

        drawing, image = visualize.find(output), _draw_example(example)
        return drawing.draw(image, example if labeled else None, result, output) if drawing else image

    def label_layouts(self, output: Any) -> tuple[str, ...]:
        return ("csv",)

    def export_annotations(
        self, folder: Path, output: Output, examples: AudioSet, labels: Sequence[Any], layout: str
    ) -> None:
        from cityzoo.modalities.annotation_export import copy_name

        (folder / "clips").mkdir()
        with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "label"])
            for example, names in zip(examples.examples, labels, strict=True):
                name = f"clips/{copy_name(example.name or example.path)}"
                shutil.copyfile(example.path, folder / name)
                writer.writerow([name, "+".join(names)])

    def write_preview(self, views: AudioViews, path: str) -> None:
        from PIL import Image

        try:
            Image.fromarray(preview_sheet(views, SOUNDS, VERSIONS)).save(path)
        except (OSError, ValueError) as error:
            raise InputError(
                f"--preview '{path}' cannot be written ({error}): give a file such as preview.png"
            ) from error

    def log_preview(self, views: AudioViews, logs: Path) -> None:
        import tensorflow as tf

        with tf.summary.create_file_writer(str(logs / "images")).as_default():
            tf.summary.image("train/augmented", preview_sheet(views, 3, 3)[None], step=0)


def preview_sheet(views: AudioViews, sounds: int, versions: int) -> np.ndarray:
    """Return a sheet, (H, W, 3) uint8 RGB: some sounds, one per row, in several augmented versions."""
    from cityzoo.visualize.sheets import image_grid

    chosen = np.unique(np.linspace(0, len(views) - 1, sounds).round()).astype(int).tolist()
    cells = [draw_spectrogram(views.waveform(row, version)) for row in chosen for version in range(versions)]
    words = [
        f"{views.examples.examples[row].name}: {views.output.caption(views.targets[row])}" for row in chosen
    ]
    captions = [f"{text}, {version + 1}" for text in words for version in range(versions)]
    return image_grid(cells, versions, CELL_HW, captions)


def draw_spectrogram(clip: np.ndarray) -> np.ndarray:
    """Return the log-mel spectrogram of a clip as an image, (H, W, 3) uint8 RGB: time to the right, pitch upwards.

    Args:
        clip: (N,) float32 at 16 kHz; what exceeds 10 seconds is not shown.
    """
    import matplotlib

    from augment.audio import fit_length
    from zoo.audio.log_mel import LogMel

    samples = -(-min(max(len(clip), 1600), LONGEST) // 80) * 80
    scaled = np.asarray(LogMel()(fit_length(clip, samples, 0.0)[None]))[0, :, :, 0]
    pixels = (matplotlib.colormaps[COLORS](scaled.T[::-1])[..., :3] * 255).astype(np.uint8)
    return np.repeat(np.repeat(pixels, PIXELS, axis=0), PIXELS // 2, axis=1)


def _draw_example(example: AudioExample) -> np.ndarray:
    return draw_spectrogram(example.read())
