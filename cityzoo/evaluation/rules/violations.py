"""Detections that break the rules of their camera: how many, and what a filter by the rules gains or costs."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.data.image.scene_rules import Rules, SceneRules, parse_rules
from cityzoo.errors import InputError
from cityzoo.evaluation.compare import compare
from cityzoo.evaluation.rules import FIT
from cityzoo.evaluation.rules.fitting import fit_rules
from cityzoo.metrics.matching import UNMATCHED, match, operating_threshold
from cityzoo.metrics.weighted import bootstrap_weights
from cityzoo.replace_file import replace_file
from cityzoo.sample import Detections, ImageExample, ImageSet
from cityzoo.visualize.boxes import draw_detections
from cityzoo.visualize.sheets import SHOWN, cell_size, fit_into, save_grid

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun
    from cityzoo.outputs import Output

LOG = logging.getLogger(__name__)
NAME, FILE = "rules.png", "rules.yaml"
OUTLINE = (255, 210, 0)  # color of places


def load_rules(subject: EvaluatedRun, flags: Mapping[str, Any], folder: Path) -> Rules:
    """Return the rules that --rules names, or fit them to the run's training labels and write `rules.yaml`.

    Raises:
        InputError: rules that cannot be used, or a run that does not predict boxes.
    """
    import yaml

    if subject.output.result_type is not Detections:
        raise InputError(f"--rules are about boxes, '{subject.path}' predicts none: remove --rules")
    names = subject.output.class_names
    if flags["rules"] != FIT:
        try:
            return parse_rules(flags["rules"], names)
        except InputError as error:
            raise InputError(f"--rules: {error}") from error
    task, own = subject.task, {"data": None, "split": "train", "limit": None}
    images, _ = task.modality.read_to_evaluate(subject.spec, task, names, {**flags, **own})
    rules = fit_rules(images, task.modality.groups(images))
    folder.mkdir(parents=True, exist_ok=True)
    with replace_file(folder / FILE) as part:
        scenes = {name: each.to_json() for name, each in rules.scenes.items()}
        content = {**rules.general.to_json(), "scenes": scenes}
        part.write_text(yaml.safe_dump(content, sort_keys=False, default_flow_style=None), encoding="utf-8")
    LOG.info("rules fitted to the labels of %d training images: %s", len(images), folder / FILE)
    return rules


def find_violations(
    rules: Rules, images: ImageSet, found: Sequence[Detections], scenes: Sequence[str]
) -> list[np.ndarray]:
    """Return which rule each detection of each image breaks, (N,) str: "place", "height" or ""."""
    names = np.array(images.class_names, object)
    return [
        rules.find(scene).find_violations(each.boxes_xyxy, names[each.labels].tolist(), image.size_hw)
        for image, each, scene in zip(images.examples, found, scenes, strict=True)
    ]


def filter_detections(
    rules: Rules, images: ImageSet, found: Sequence[Detections], scenes: Sequence[str]
) -> list[Detections]:
    """Return the detections that break no rule."""
    broken = find_violations(rules, images, found, scenes)
    return [_keep(each, marks == "") for each, marks in zip(found, broken, strict=True)]


def _keep(found: Detections, kept: np.ndarray) -> Detections:
    return Detections(found.boxes_xyxy[kept], found.scores[kept], found.labels[kept])


def measure(
    rules: Rules,
    output: Output,
    truth: ImageSet,
    results: Sequence[Detections],
    scenes: Sequence[str],
    folder: Path | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Count violations, and compare detections with and without a filter by the rules.

    Args:
        rules: of the cameras.
        output: of the run.
        truth: the labeled images.
        results: detections, one per image.
        scenes: (N,) scene of each image.
        folder: gets `rules.png`, images with violations; None: no file.
        seed: of the bootstrap.

    Returns:
        `score`, the threshold of the best F1 from which on detections are counted; `detections`, their number;
        `violations`: class -> `place`, `height`, `right` (of both, those that match a label); `labels`, labeled boxes
        that break a rule, and `boxes`, all of them; `filtered`: metric -> `this` (with the filter), `other` (without),
        `difference` with `low` and `high` (95 %, paired bootstrap) and `verdict`; `without_rules`, images of scenes
        that have none.
    """
    score = operating_threshold(truth, results)["score"] or 0.0
    sure = [each.filter_by_score(score) for each in results]
    broken = find_violations(rules, truth, sure, scenes)
    counts = {name: Counter({"place": 0, "height": 0, "right": 0}) for name in truth.class_names}
    for image, found, marks in zip(truth.examples, sure, broken, strict=True):
        owners = match(image, found)
        for label, mark, owner in zip(found.labels, marks, owners, strict=True):
            if mark:
                counts[truth.class_names[label]].update([mark] + ["right"] * bool(owner != UNMATCHED))
    labels = [Detections(e.boxes_xyxy, np.ones(len(e.labels)), e.labels) for e in truth.examples]
    wrong_labels = sum(np.count_nonzero(each) for each in find_violations(rules, truth, labels, scenes))
    kept = filter_detections(rules, truth, results, scenes)
    weights = bootstrap_weights(len(truth), output.bootstrap_samples, seed, scenes)
    filtered, before = (output.weighted_metrics(truth, each) for each in (kept, results))
    if folder:
        _write_sheet(folder, truth, sure, broken, [rules.find(scene) for scene in scenes])
    return {
        "score": score,
        "detections": sum(map(len, sure)),
        "violations": {name: dict(each) for name, each in counts.items()},
        "labels": int(wrong_labels),
        "boxes": sum(len(each.labels) for each in truth.examples),
        "filtered": compare(filtered, before, weights, output.primary_metrics, output.lower_is_better)[
            "figures"
        ],
        "without_rules": sum(rules.find(scene) == SceneRules() for scene in scenes),
    }


def _write_sheet(
    folder: Path,
    truth: ImageSet,
    found: Sequence[Detections],
    broken: Sequence[np.ndarray],
    rules: Sequence[SceneRules],
) -> None:
    """Write `rules.png`: the images with the most violations, these alone, and the outlines of the places."""
    order = sorted(range(len(truth)), key=lambda row: -np.count_nonzero(broken[row]))
    rows = [row for row in order[:SHOWN] if broken[row].any()]
    cell_hw = cell_size([truth.examples[row].size_hw for row in rows])
    cells, captions = [], []
    for row in rows:
        marks, image = broken[row], truth.examples[row]
        cells.append(_draw(image, _keep(found[row], marks != ""), truth.class_names, rules[row], cell_hw))
        counted = ", ".join(f"{word} {n}" for word, n in Counter(marks[marks != ""]).items())
        captions.append(f"{counted}   {Path(image.path).name}")
    save_grid(folder / NAME, cells, captions, cell_hw)


def _draw(
    image: ImageExample,
    found: Detections,
    names: Sequence[str],
    rules: SceneRules,
    cell_hw: tuple[int, int],
) -> np.ndarray:
    from PIL import Image, ImageDraw

    from cityzoo.data.image.decode import read_image

    canvas = Image.fromarray(fit_into(read_image(image.path, image.window_xyxy), cell_hw))
    draw = ImageDraw.Draw(canvas)
    for place in rules.places:
        corners = [(x * canvas.width, y * canvas.height) for x, y in place.points]
        draw.line([*corners, corners[0]], OUTLINE, 2)
    scale = np.tile(np.divide(canvas.size, image.size_hw[::-1]), 2)
    return draw_detections(np.asarray(canvas), found.boxes_xyxy * scale, found.labels, names, found.scores)
