"""What in an image an answer comes from: by gradients, by covering, and whether the weights have a say in it."""

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
from cityzoo.evaluation.explain.explanation import Explained, rank_correlation
from cityzoo.evaluation.explain.explanation_sheet import draw_explanations, truth_words
from cityzoo.evaluation.explain.grad_cam import GradCam
from cityzoo.evaluation.explain.occlusion import occlusion_map
from cityzoo.evaluation.explain.randomized_weights import randomize_weights
from cityzoo.evaluation.network_inputs import NetworkInputs, prepare
from cityzoo.outputs import Output
from cityzoo.outputs.attribution_target import AttributionTarget
from cityzoo.sample import ImageExample, ImageSet

if TYPE_CHECKING:
    import keras

FILE = "explanations.png"
DRAWS = 3  # random networks: a single one may look alike by chance
UNLIKE = 0.5  # maps of a network with random weights have to be less alike than that
GRAD_CAM = "Grad-CAM (Selvaraju et al. 2017) of the class's logit"
HIRES_CAM = (
    "HiResCAM (Draelos & Carin 2020) of the logit that the box was decoded from: Grad-CAM with each cell's own slope, "
    "since averages over the image localise single objects badly"
)
NOTE = (
    "{:.0f} % of the maps lie in their boxes, and {:.0f} % with random weights: that a map lies on its object is owed "
    "to the head as well, which looks near a box's own point whatever it has learned. What the maps show is which "
    "parts of the object speak for the answer; the covered images show what the answer needs."
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
    """Write `explanations.png`: answers of a model, with what in their images they come from.

    Args:
        model: a whole, loaded model.
        output: what its outputs mean.
        truth: the held-out images.
        results: one per image.
        wanted: how many answers, chosen to tell most; or the name of a held-out image, "a.jpg:2" for its second
            surest answer.
        folder: where the file goes.
        seed: of the random weights that the maps are tested with.

    Returns:
        `images`: for each answer `path`, `answer` (the class), `value` (how sure, 0..1), `truth` in words, `covered`
        (how sure where a patch hurts most) and `agreement` (Spearman's correlation of both maps); `sanity`, see
        `sanity`, None without answers; `method` in words; `level`, names of the levels whose slopes were taken.

    Raises:
        InputError: the kind's answers explain themselves; or no such image or answer.
    """
    if not output.supports_attribution:
        raise InputError(
            "--explain is for classes and boxes: what this task's model says is in the report's own images, "
            "leave --explain out"
        )
    if isinstance(wanted, int):
        answers = select_informative(truth, results, wanted, getattr(output, "several", False))
    else:
        answers = find_requested(truth, results, wanted)
    path = folder / FILE
    if not answers:
        path.unlink(missing_ok=True)  # of an evaluation before this one
        return {"images": [], "sanity": None, "method": "", "level": ""}
    shown = prepare(model, output, truth, [each.row for each in answers])
    images, maps = shown.images.astype(np.float32), GradCam(model, getattr(output, "flips", "no") == "yes")
    asked, rows = _explained(model, output, shown, images, answers, maps)
    draw_explanations(rows, output.class_names, path)
    whole = asked[0].box_xyxy is None
    return {
        "images": [_described(each, output) for each in rows],
        "sanity": sanity(model, maps, rows, asked, images, seed),
        "method": GRAD_CAM if whole else HIRES_CAM,
        "level": maps.levels[-1] if whole else "+".join(maps.levels),
    }


def _described(row: Explained, output: Output) -> dict[str, Any]:
    return {
        "path": row.image.path,
        "answer": row.words,
        "value": round(row.sure, 4),
        "truth": truth_words(row, output.class_names),
        "covered": round(row.covered, 4),
        "agreement": row.agreement,
    }


def _explained(
    model: keras.Model,
    output: Output,
    shown: NetworkInputs,
    images: np.ndarray,
    answers: Sequence[Answer],
    maps: GradCam,
) -> tuple[list[AttributionTarget], list[Explained]]:
    import keras

    run, examples = compiled(model), shown.examples.examples

    def outputs(images: np.ndarray) -> np.ndarray:
        return (run(images) + run(images[:, :, ::-1])) / 2 if maps.mirrored else run(images)

    raw = np.concatenate([outputs(images[i : i + 1]) for i in range(len(images))])
    found = map(partial(_found_again, output), raw, shown.matrices, examples, answers)
    answers, asked = map(list, zip(*found, strict=True))
    bar = keras.utils.Progbar(len(answers), unit_name="image")
    rows = []
    for i, slopes in enumerate(maps(images, asked)):
        left = occlusion_map(
            lambda covered, each=asked[i]: each.log_odds(outputs(covered)),
            images[i],
            _area(shown, i),
            asked[i].box_xyxy,
        )
        odds, (corners, box) = float(asked[i].log_odds(raw[i : i + 1])[0]), _in_image(shown, i, asked[i])
        rows.append(Explained(examples[i], answers[i], asked[i].words, odds, slopes, corners, left, box))
        bar.update(i + 1)
    return asked, rows


def _found_again(
    output: Output, logits: np.ndarray, matrix: np.ndarray, image: ImageExample, answer: Answer
) -> tuple[Answer, AttributionTarget]:
    # Results come from batches of another size: answers that are all but equally sure can have changed places.
    result = output.decode(logits[None], matrix[None], [image])[0]
    answers = list_answers(answer.row, image, result)[: answer.number + 1]
    asked = output.attribution_target(logits, matrix, image, len(answers) - 1) if answers else None
    if asked is None:
        raise InputError(f"the model finds nothing in '{image.path}' any more: judge the run again")
    return answers[-1], asked


def sanity(
    model: keras.Model,
    maps: GradCam,
    rows: Sequence[Explained],
    asked: Sequence[AttributionTarget],
    images: np.ndarray,
    seed: int,
) -> dict[str, Any]:
    """Compare the maps with those of the same network with random weights, which has learned nothing.

    Adebayo et al. 2018, "Sanity Checks for Saliency Maps" (arXiv 1810.03292). Maps are compared with their signs: how
    far from a box cells matter is given by the head's architecture, whatever its weights, and would be taken for
    likeness. How much of a map that is, is said by `in_box_random`.

    Args:
        model: the model.
        maps: what made the maps of `rows`.
        rows: the explained answers.
        asked: the numbers that they come from.
        images: (N, h, w, 3) float32, their images as the network gets them.
        seed: of the first of `DRAWS` random networks.

    Returns:
        `head`, `all`: mean of Spearman's correlation, -1..1, with the maps of random weights in the head, in all
        layers; `passed`: whether the latter is below .5; for boxes `in_box` and `in_box_random`, shares of the maps
        that lie in their box, with the weights as they are and with random ones everywhere, and `note`, which says so.
    """
    import keras

    twin = keras.models.clone_model(model)
    twin_maps = GradCam(twin, maps.mirrored)
    found: dict[str, Any] = {}
    for name, layers in (("head", {layer.name for layer in maps.rest.layers}), ("all", None)):
        pairs = []
        for draw in range(DRAWS):
            randomize_weights(twin, model, seed + draw, layers)
            pairs += zip(rows, twin_maps(images, asked), strict=True)
        found[name] = _mean([rank_correlation(row.slopes, other) or 0.0 for row, other in pairs])
    found["passed"] = found["all"] < UNLIKE
    if rows[0].box_xyxy is not None:
        found["in_box"] = _mean([row.in_box(row.slopes) for row in rows])
        found["in_box_random"] = _mean([row.in_box(other) for row, other in pairs])
        found["note"] = NOTE.format(100 * found["in_box"], 100 * found["in_box_random"])
    return found


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)


def _area(shown: NetworkInputs, row: int) -> tuple[int, int, int, int]:
    """Return where an image lies in the network's input, the padding left out."""
    ys, xs = np.nonzero(shown.inside[row, ..., 0])
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def _in_image(
    shown: NetworkInputs, row: int, asked: AttributionTarget
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return where the network's input lies in the original image, and the answer's box, clipped to it."""
    (scale_x, _, x), (_, scale_y, y), _ = shown.matrices[row].astype(np.float64)
    offset, scale = np.array([x, y, x, y]), np.array([scale_x, scale_y, scale_x, scale_y])
    height, width = shown.images.shape[1:3]
    corners = (np.array([0, 0, width, height]) - offset) / scale
    if asked.box_xyxy is None:
        return corners, None
    height, width = shown.examples.examples[row].size_hw
    return corners, np.clip((asked.box_xyxy - offset) / scale, 0, [width, height, width, height])
