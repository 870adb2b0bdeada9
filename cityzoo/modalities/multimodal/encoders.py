"""Frozen encoders: the features of each modality by an earlier run, a backbone, or simple statistics."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.multimodal import MODALITIES, WINDOWS
from cityzoo.errors import InputError, unknown
from cityzoo.modalities.embedding import embed

LOG = logging.getLogger(__name__)
STATISTICS, HASHING = "statistics", "hashing"
RUN_MODALITIES = {"image": "image", "text": "text", "sound": "audio"}  # of runs
SIZE_HW = (224, 224)  # of images, for backbones that are given by name
HASHED = 512  # features of a text
MAX_TOKENS = 128
GRID = ":"  # between the name of a backbone of images and the cells in a row of its grid
Encode = Callable[[Sequence[Any]], np.ndarray]  # cells -> (N, D) float32


@dataclass(frozen=True)
class Encoder:
    """What turns the cells of a modality into features.

    Attributes:
        name: as --encoders gives it.
        digest: of its weights: features of another digest are others.
        encode: N cells, see `MultimodalRow.cells` -> (N, D) float32.
    """

    name: str
    digest: str
    encode: Encode


def choose_encoders(given: Mapping[str, str], modalities: Sequence[str]) -> dict[str, str]:
    """Return the encoder of each modality of the data: the given one, or the default.

    Raises:
        InputError: an encoder for something that is no modality, or that the data lacks.

    Example:
        >>> choose_encoders({"text": "hashing"}, ["text", "sensor"])
        {'text': 'hashing', 'sensor': 'statistics'}
    """
    for name in given:
        if name not in MODALITIES:
            raise unknown("modality of --encoders", name, MODALITIES)
        if name not in modalities:
            raise InputError(
                f"--encoders names an encoder of {name}, but the data has {', '.join(modalities)}: remove it, or add a "
                f"column {name}"
            )
    return {name: given.get(name) or _default(name) for name in modalities}


def count_cells(encoder: str) -> int:
    """Return into how many cells an encoder divides an image; their features are side by side, cell by cell.

    Example:
        >>> count_cells("mobilenet_v2"), count_cells("mobilenet_v2:4"), count_cells("runs/a")
        (1, 16, 1)
    """
    grid = encoder.rpartition(GRID)[2]
    return int(grid) ** 2 if GRID in encoder and grid.isdecimal() and int(grid) else 1


def _default(modality: str) -> str:
    if modality == "image":
        return "mobilenet_v2"
    if modality == "text":
        from cityzoo.modalities.text import default_backbone

        return HASHING if default_backbone() == "tfidf" else default_backbone()
    return STATISTICS


def open_encoder(modality: str, name: str) -> Encoder:
    """Open the encoder of a modality.

    Args:
        modality: one of `MODALITIES`.
        name: a run folder, the name of a backbone, of images also with the number of cells in a row ("mobilenet_v2:4"),
            or one of the simple ones: statistics (of sensors, counts and sounds) and hashing (of texts).

    Raises:
        InputError: no such run or backbone, a run on examples of another kind, or weights that are not there.
    """
    simple: dict[tuple[str, str], Encode] = {
        **{(window, STATISTICS): summarize_windows for window in WINDOWS},
        ("sound", STATISTICS): _summarize_sounds,
        ("text", HASHING): _hash_texts,
    }
    if (modality, name) in simple:
        return Encoder(name, f"{name}-1", simple[modality, name])
    if (Path(name) / "spec.json").is_file():
        return _open_run(modality, name)
    if "/" in name or Path(name).exists():
        raise InputError(
            f"--encoders {modality}={name} is not a run folder: give one that train.py wrote, or the name of a backbone"
        )
    if modality in (*WINDOWS, "sound"):
        raise unknown(f"encoder of {modality}", name, (STATISTICS, "a run folder"))
    from cityzoo.modalities.multimodal.backbones import open_backbone

    return open_backbone(modality, name)


def _open_run(modality: str, name: str) -> Encoder:
    from cityzoo.evaluation.evaluated_run import open_evaluated  # of the layer above, for this function alone

    run = open_evaluated(name)
    found = run.task.modality.name
    if found != RUN_MODALITIES.get(modality):
        hint = (
            "a run on series cannot encode windows: give statistics"
            if modality in WINDOWS
            else "give another run"
        )
        raise InputError(
            f"--encoders {modality}={name}: it is a run of {run.spec.run.task}, on {found}: {hint}"
        )
    import zoo

    def encode(cells: Sequence[Any]) -> np.ndarray:
        return embed(run.task.modality, run.model, run.output, as_examples(modality, cells))

    return Encoder(name, zoo.pretrained.sha256(str(run.folder.model))[:16], encode)


def as_examples(modality: str, cells: Sequence[Any]) -> Any:
    """Return cells as a set of examples of their own modality."""
    if modality == "image":
        from cityzoo.data.image.image_info import open_images
        from cityzoo.sample import ImageExample, ImageSet

        facts = open_images(cells, str(Path(cells[0]).parent))
        images = (ImageExample(path, facts[path].size_hw, plain=facts[path].plain) for path in cells)
        return ImageSet("all", (), tuple(images))
    if modality == "text":
        from cityzoo.data.text.texts import TextExample, TextSet

        return TextSet("all", (), tuple(TextExample(text, f"{row}") for row, text in enumerate(cells)))
    from cityzoo.data.audio import AudioExample, AudioSet

    return AudioSet("all", (), tuple(AudioExample(path) for path in cells))


def summarize_windows(cells: Sequence[np.ndarray]) -> np.ndarray:
    """Return mean, spread, least, most and rise of each sensor, and its share of gaps, (N, 6 K) float32.

    Args:
        cells: N windows, (T, K) float32 of any length, NaN where a value is missing.

    Raises:
        InputError: windows of different numbers of sensors.

    Example:
        >>> summarize_windows([np.array([[1.0], [2.0], [6.0], [np.nan]])]).astype(float).round(1).tolist()
        [[3.0, 2.2, 1.0, 6.0, 5.0, 0.2]]
    """
    counts = sorted({each.shape[1] for each in cells})
    if len(counts) > 1:
        raise InputError(
            f"windows of sensors have {' and '.join(map(str, counts))} columns: give all of them the same sensors"
        )
    return np.stack([_summarize(each) for each in cells])


def _summarize(window: np.ndarray) -> np.ndarray:
    columns = []
    for column in np.asarray(window, np.float64).T:
        known = column[np.isfinite(column)]
        known = known if len(known) else np.zeros(1)
        rise = known[-1] - known[0]
        share = np.mean(~np.isfinite(column))
        columns.append([known.mean(), known.std(), known.min(), known.max(), rise, share])
    return np.array(columns, np.float32).ravel()


def _summarize_sounds(cells: Sequence[str]) -> np.ndarray:
    """Return mean and spread over time of each band of the spectrogram, (N, 2 B) float32."""
    from cityzoo.data.audio.decode import read_clip
    from zoo.audio.log_mel import LogMel

    layer, rows = LogMel(), []
    for path in cells:
        bands = np.asarray(layer(read_clip(path)[None]))[0, :, :, 0]
        rows.append(np.concatenate([bands.mean(axis=0), bands.std(axis=0)]))
    return np.stack(rows).astype(np.float32)


def _hash_texts(cells: Sequence[str]) -> np.ndarray:
    """Return hashed parts of words (Weinberger et al. 2009, arXiv 0902.2206), (N, 512) float32 of length 1."""
    from sklearn.feature_extraction.text import HashingVectorizer

    made = HashingVectorizer(n_features=HASHED, analyzer="char_wb", ngram_range=(2, 4))
    return np.asarray(made.transform(cells).toarray(), np.float32)
