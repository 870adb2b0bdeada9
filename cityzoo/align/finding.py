"""Find images by words, and classify them by prompts, with a run of `align`."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cityzoo.align.aligning import FILE, find_scale
from cityzoo.align.pairs import MODALITIES, PAIRS, Alignment
from cityzoo.data import image as datasets
from cityzoo.data.image import derived_labels
from cityzoo.data.image.decode import read_image
from cityzoo.data.multimodal import MultimodalRow, MultimodalSet
from cityzoo.errors import InputError
from cityzoo.metrics.classification import targets_and_probabilities, weighted_multilabel_metrics
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import bootstrap_weights, intervals
from cityzoo.modalities.multimodal import ENCODERS
from cityzoo.modalities.multimodal.encoders import open_encoder
from cityzoo.modalities.multimodal.features import encode_cells
from cityzoo.model import load
from cityzoo.redact.videos import Video, is_video
from cityzoo.report.layout import Card, Columns, Layout, Section, Table
from cityzoo.report.write import write_report
from cityzoo.sample import ImageSet
from cityzoo.visualize.sheets import cell_size, save_grid

LOG = logging.getLogger(__name__)
COLUMNS = 4
METRICS = {"auroc": "AUROC", "ap": "average precision"}


@dataclass(frozen=True)
class FindRequest:
    """What to find where.

    Attributes: as the flags of the same names; `seconds` between two frames of a video.
    """

    run: str
    frames: str | None
    query: str
    out: str
    most: int = 12
    classes: Mapping[str, str] | None = None
    data: str | None = None
    seconds: float = 1.0
    limit: int | None = None
    cache: str = "auto"


def find(request: FindRequest) -> dict[str, Any]:
    """Rank images by words and score them by prompts, write a folder with both, and return the report.

    Raises:
        InputError: no run of `align`, changed encoders, or images that cannot be used.
    """
    if (out := Path(request.out)).exists():
        raise InputError(f"--out '{request.out}' exists: give a new name")
    if request.data and not request.classes:
        raise InputError('--data evaluates prompts: give --classes as well, e.g. "fire=a photo of fire"')
    projector = Projector(request.run, request.cache)
    out.mkdir(parents=True)
    images = _read_images(request, out)
    paths = [each.path for each in images.examples]
    names = shorten(paths)
    vectors = projector.project("image", paths)
    report: dict[str, Any] = {
        "task": "Images found by words" if request.query else "Images classified by prompts",
        "run": request.run,
        "n_images": len(paths),
    }
    if request.query:
        cosines = vectors @ projector.project("text", [request.query])[0]
        order = np.argsort(-cosines, kind="stable")[: request.most].tolist()
        cells = [read_image(paths[row]) for row in order]
        captions = [f"{n}: {cosines[row]:.3f} {names[row]}" for n, row in enumerate(order, 1)]
        save_grid(
            out / "contact_sheet.png", cells, captions, cell_size([c.shape[:2] for c in cells]), COLUMNS
        )
        rows = {str(n): {"file": names[row], "score": float(cosines[row])} for n, row in enumerate(order, 1)}
        report |= {"query": request.query, "found": rows, "score_of_median": float(np.median(cosines))}
    if request.classes:
        prompts = projector.project("text", list(request.classes.values()))
        report |= _classify(request.classes, images, names, find_scale(projector.model) * vectors @ prompts.T)
    page = write_report(out, report, layout())[1]
    LOG.info("%d images: %s", len(paths), page)
    return report


def shorten(paths: Sequence[str]) -> list[str]:
    """Return paths relative to the folder that all are in.

    Example:
        >>> shorten(["/city/a/1.jpg", "/city/b/1.jpg"]), shorten(["/city/a/1.jpg"])
        (['a/1.jpg', 'b/1.jpg'], ['1.jpg'])
    """
    folder = os.path.commonpath([os.path.dirname(path) for path in paths])
    return [os.path.relpath(path, folder) for path in paths]


def _read_images(request: FindRequest, out: Path) -> ImageSet:
    """Return the images; of a video, frames are written first."""
    if request.data:
        found = datasets.load(request.data, wants="either", to_train=False, limit=request.limit)
        whole = replace(found.val, examples=found.train.examples + found.val.examples)
        is_split = datasets.has_val_split(request.data)
        return derived_labels.label_presence(found.val if is_split else whole)
    source = Path(str(request.frames))
    if not is_video(source):
        return datasets.load_images(str(source), labels="drop", limit=request.limit)
    video, folder = Video(source), out / "frames"
    step = max(1, round(video.rate * request.seconds))
    folder.mkdir()
    for number, frame in enumerate(video):
        if number % step == 0:
            Image.fromarray(frame).save(folder / f"{number / video.rate:09.2f}s.jpg", quality=90)
    return datasets.load_images(str(folder), limit=request.limit)


class Projector:
    """What brings images and sentences into the space of a run of `align`.

    Raises:
        InputError: no finished run of `align`.
    """

    def __init__(self, run: str, cache: str = "auto") -> None:
        import heads.contrastive  # noqa: F401 - registers the learned temperature

        self.folder, self.cache = Path(run), cache
        if not all((self.folder / name).is_file() for name in (FILE, ENCODERS, "model.keras")):
            raise InputError(
                f"'{run}' is no finished run of python -m cityzoo align: give one of its run folders"
            )
        self.known = json.loads((self.folder / ENCODERS).read_text(encoding="utf-8"))
        self.model = load(self.folder / "model.keras")

    def project(self, modality: str, cells: Sequence[str]) -> np.ndarray:
        """Return the vectors of images or sentences, (N, width) float32 of length 1.

        Args:
            modality: "image" or "text".
            cells: N files or sentences.

        Raises:
            InputError: an encoder that is not there or has changed.
        """
        encoder = open_encoder(modality, self.known[modality]["encoder"])
        rows = [MultimodalRow(f"{number}", {modality: cell}) for number, cell in enumerate(cells)]
        found = encode_cells(modality, encoder, rows, self.cache)
        parts = [
            found if name == modality else np.zeros((len(rows), self.known[name]["size"]), np.float32)
            for name in MODALITIES
        ]
        sizes = {name: part.shape[1] for name, part in zip(MODALITIES, parts, strict=True)}
        digests = {name: (about["encoder"], about["digest"]) for name, about in self.known.items()}
        here = np.array([[name == modality for name in MODALITIES]] * len(rows), np.float32)
        whole = np.concatenate([*parts, here], axis=1)
        examples = tuple(replace(row, features=each) for row, each in zip(rows, whole, strict=True))
        pairs = MultimodalSet(
            "all", (), examples, sizes, digests | {modality: (encoder.name, encoder.digest)}
        )
        PAIRS.check_manifest(self.folder, pairs)
        return np.stack(PAIRS.predict(self.model, pairs, Alignment()))[:, MODALITIES.index(modality)]


def _classify(
    prompts: Mapping[str, str], images: ImageSet, names: Sequence[str], logits: np.ndarray
) -> dict[str, Any]:
    """Return each image's share of each prompt (softmax), and, with labels, how well they fit them."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    best = np.bincount(logits.argmax(axis=1), minlength=len(prompts)).tolist()
    found: dict[str, Any] = {
        "prompts": {c: {"prompt": p, "frames": n} for (c, p), n in zip(prompts.items(), best, strict=True)},
        "scores": {
            n: dict(zip(prompts, row, strict=True)) for n, row in zip(names, shares.tolist(), strict=True)
        },
    }
    if images.class_names:
        found["zero_shot"] = _evaluate(images, list(prompts), shares)
    return found


def _evaluate(images: ImageSet, prompts: Sequence[str], shares: np.ndarray) -> dict[str, Any]:
    """Return AUROC and average precision of each labeled class by the share of its prompt, with 95 % intervals."""
    lacking = [name for name in images.class_names if name not in prompts]
    if lacking:
        raise InputError(
            f"--classes has no prompt for '{lacking[0]}': give one for each of {', '.join(images.class_names)}"
        )
    chosen = list(shares[:, [prompts.index(name) for name in images.class_names]])
    weighted = weighted_multilabel_metrics(images, chosen)
    targets = targets_and_probabilities(images, chosen)[0]
    values = weighted(np.ones((1, len(images))))
    spread = intervals(
        weighted, bootstrap_weights(len(images), groups=[each.scene for each in images.examples])
    )
    rows: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(images.class_names):
        rows[name] = {"frames": int((targets[:, number] > 0).sum())}
        for metric in METRICS:
            key = pointer("per_class", name, metric)
            rows[name] |= {metric: float(values[key][0]), f"{metric}_interval": spread[key]}
    mean = {"mean_auroc": float(values["mean_auroc"][0]), "mean_auroc_interval": spread["mean_auroc"]}
    return {**mean, "per_class": rows}


def layout() -> Layout:
    """Return the contents of the page of what was found."""
    columns: dict[str, Any] = {"frames": ("frames", "count")}
    for key, title in METRICS.items():
        columns |= {key: (title, "score"), f"{key}_interval": ("95 % interval", "interval")}
    evaluated = Section(
        "Evaluation",
        "zero_shot",
        "Score of each class's prompt against the labels; AUROC by chance is .5.",
        tables=(Table("Classes", "zero_shot/per_class", columns),),
    )
    found: Columns = {"file": ("file", "text"), "score": ("cosine", "score")}
    prompts: Columns = {"prompt": ("prompt", "text"), "frames": ("frames whose best it is", "count")}
    return Layout(
        cards=(
            Card("n_images", "images", "that were searched", "count"),
            Card("zero_shot/mean_auroc", "mean AUROC", "of the prompts, against the labels"),
        ),
        subtitle="By words, with a run of align.",
        meanings={},
        remark="Query: {query|text}. Scores are cosines; the median of all images is {score_of_median}.",
        sections=(
            Section("Best images", "query", images={"contact_sheet": "In order, with their cosines"}),
            Section("Files", "found", tables=(Table("Found", "found", found),)),
            Section("Prompts", "prompts", tables=(Table("All images", "prompts", prompts),)),
            evaluated,
        ),
    )
