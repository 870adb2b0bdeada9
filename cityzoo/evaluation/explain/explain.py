"""Explanations of predictions: Grad-CAM maps, occlusion, and a sanity check with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.backend import compiled
from cityzoo.errors import InputError
from cityzoo.evaluation.explain.answer_selection import (
    Answer,
    find_requested,
    list_answers,
    select_informative,
)
from cityzoo.evaluation.explain.explanation import (
    Explanation,
    draw_explanations,
    occlusion_map,
    rank_correlation,
    truth_words,
)
from cityzoo.evaluation.explain.grad_cam import GradCam
from cityzoo.evaluation.explain.randomized_weights import randomize_weights
from cityzoo.evaluation.network_inputs import NetworkInputs, prepare
from cityzoo.outputs import Output
from cityzoo.outputs.attribution_target import AttributionTarget
from cityzoo.sample import ImageExample, ImageSet

if TYPE_CHECKING:
    import keras

FILE = "explanations.png"
DRAWS = 3  # random networks
MAX_CORRELATION = 0.5  # of maps with those of random weights
GRAD_CAM = "Grad-CAM (Selvaraju et al. 2017) of the class's logit"
HIRES_CAM = (
    "HiResCAM (Draelos & Carin 2020) of the logit that the box was decoded from: Grad-CAM without averaging gradients "
    "over the image, which localizes single objects poorly"
)
NOTE = (
    "{:.0f} % of the maps lie in their boxes, and {:.0f} % with random weights: the head looks near a box's own point "
    "with any weights. The maps show which parts of the object support the prediction; the covered images show what it "
    "depends on."
)


def explanations(
    model: keras.Model,
    output: Output,
    truth: ImageSet,
    results: Sequence[Any],
    wanted: int | str,
    folder: Path,
    seed: int = 0,
) -> dict[str, Any]:
    """Write `explanations.png`: predictions with attribution maps.

    Args:
        model: a loaded model.
        output: meaning of its outputs.
        truth: the held-out images.
        results: one per image.
        wanted: number of predictions to select; or the name of a held-out image, "a.jpg:2" for the prediction of the
            second-highest confidence.
        folder: of the file.
        seed: of the random weights of the sanity check.

    Returns:
        `images`: for each prediction `path`, `answer` (the class), `value` (confidence, 0..1), `truth` in words,
        `covered` (confidence with the most harmful patch) and `agreement` (Spearman's correlation of both maps);
        `sanity`, see `sanity`, None without predictions; `method` in words; `level`, names of the feature levels.

    Raises:
        InputError: the output does not support attribution; or no such image or prediction.
    """
    if not output.supports_attribution:
        raise InputError(
            "--explain supports classes and boxes only; the report's images already explain this task: remove --explain"
        )
    if isinstance(wanted, int):
        answers = select_informative(truth, results, wanted, getattr(output, "several", False))
    else:
        answers = find_requested(truth, results, wanted)
    path = folder / FILE
    if not answers:
        path.unlink(missing_ok=True)  # of an earlier evaluation
        return {"images": [], "sanity": None, "method": "", "level": ""}
    shown = prepare(model, output, truth, [each.row for each in answers])
    images, maps = shown.images.astype(np.float32), GradCam(model, getattr(output, "flips", False))
    targets, rows = _explain(model, output, shown, images, answers, maps)
    draw_explanations(rows, output.class_names, path)
    whole = targets[0].box_xyxy is None
    return {
        "images": [_describe(each, output) for each in rows],
        "sanity": sanity(model, maps, rows, targets, images, seed),
        "method": GRAD_CAM if whole else HIRES_CAM,
        "level": maps.levels[-1] if whole else "+".join(maps.levels),
    }


def _describe(row: Explanation, output: Output) -> dict[str, Any]:
    return {
        "path": row.image.name,
        "answer": row.words,
        "value": round(row.confidence, 4),
        "truth": truth_words(row, output.class_names),
        "covered": round(row.covered, 4),
        "agreement": row.agreement,
    }


def _explain(
    model: keras.Model,
    output: Output,
    shown: NetworkInputs,
    images: np.ndarray,
    answers: Sequence[Answer],
    maps: GradCam,
) -> tuple[list[AttributionTarget], list[Explanation]]:
    import keras

    run, examples = compiled(model), shown.examples.examples

    def outputs(images: np.ndarray) -> np.ndarray:
        return (run(images) + run(images[:, :, ::-1])) / 2 if maps.mirrored else run(images)

    raw = np.concatenate([outputs(images[i : i + 1]) for i in range(len(images))])
    found = map(partial(_find_again, output), raw, shown.matrices, examples, answers)
    answers, targets = map(list, zip(*found, strict=True))
    bar = keras.utils.Progbar(len(answers), unit_name="image")
    rows = []
    for i, (target, attribution) in enumerate(zip(targets, maps(images, targets), strict=True)):

        def log_odds(covered: np.ndarray, target: AttributionTarget = target) -> np.ndarray:
            return target.log_odds(outputs(covered))

        left = occlusion_map(log_odds, images[i], _area(shown, i), target.box_xyxy)
        odds, (corners, box) = float(target.log_odds(raw[i : i + 1])[0]), _in_image(shown, i, target)
        rows.append(Explanation(examples[i], answers[i], target.words, odds, attribution, corners, left, box))
        bar.update(i + 1)
    return targets, rows


def _find_again(
    output: Output, logits: np.ndarray, matrix: np.ndarray, image: ImageExample, answer: Answer
) -> tuple[Answer, AttributionTarget]:
    # Results come from batches of another size: predictions of nearly equal confidence can be swapped.
    result = output.decode(logits[None], matrix[None], [image])[0]
    answers = list_answers(answer.row, image, result)[: answer.number + 1]
    target = output.attribution_target(logits, matrix, image, len(answers) - 1) if answers else None
    if target is None:
        raise InputError(f"the model no longer finds anything in '{image.path}': evaluate the run again")
    return answers[-1], target


def sanity(
    model: keras.Model,
    maps: GradCam,
    rows: Sequence[Explanation],
    targets: Sequence[AttributionTarget],
    images: np.ndarray,
    seed: int,
) -> dict[str, Any]:
    """Compare the maps with those of the same network with random weights.

    Adebayo et al. 2018, "Sanity Checks for Saliency Maps" (arXiv 1810.03292). Maps are compared with their signs: their
    extent around a box depends on the head's architecture alone and would count as similarity (see `in_box_random`).

    Args:
        model: the model.
        maps: makes the maps.
        rows: the explained predictions.
        targets: of the predictions.
        images: (N, h, w, 3) float32, their images at the network's input.
        seed: of the first of `DRAWS` random networks.

    Returns:
        `head`, `all`: mean of Spearman's correlation, -1..1, with the maps of random weights in the head, in all
        layers; `passed`: whether the latter is below .5; for boxes `in_box` and `in_box_random`, shares of the maps
        that lie in their box, with trained and with random weights, and a `note` on them.
    """
    import keras

    twin = keras.models.clone_model(model)
    twin_maps = GradCam(twin, maps.mirrored)
    found: dict[str, Any] = {}
    for name, layers in (("head", {layer.name for layer in maps.rest.layers}), ("all", None)):
        pairs: list[tuple[Explanation, np.ndarray]] = []
        for draw in range(DRAWS):
            randomize_weights(twin, model, seed + draw, layers)
            pairs += zip(rows, twin_maps(images, targets), strict=True)
        found[name] = _mean([rank_correlation(row.attribution, other) or 0.0 for row, other in pairs])
    found["passed"] = found["all"] < MAX_CORRELATION
    if rows[0].box_xyxy is not None:
        found["in_box"] = _mean([row.share_in_box(row.attribution) for row in rows])
        found["in_box_random"] = _mean([row.share_in_box(other) for row, other in pairs])
        found["note"] = NOTE.format(100 * found["in_box"], 100 * found["in_box_random"])
    return found


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)


def _area(shown: NetworkInputs, row: int) -> tuple[int, int, int, int]:
    """Return where an image lies in the network's input, without padding."""
    ys, xs = np.nonzero(shown.inside[row, ..., 0])
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def _in_image(
    shown: NetworkInputs, row: int, target: AttributionTarget
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return where the network's input lies in the original image, and the prediction's box, clipped to it."""
    (scale_x, _, x), (_, scale_y, y), _ = shown.matrices[row].astype(np.float64)
    offset, scale = np.array([x, y, x, y]), np.array([scale_x, scale_y, scale_x, scale_y])
    height, width = shown.images.shape[1:3]
    corners = (np.array([0, 0, width, height]) - offset) / scale
    if target.box_xyxy is None:
        return corners, None
    height, width = shown.examples.examples[row].size_hw
    return corners, np.clip((target.box_xyxy - offset) / scale, 0, [width, height, width, height])
