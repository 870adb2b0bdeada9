"""How much answers depend on objects, backgrounds and places of the image: falls of scores next to control changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo.errors import InputError
from cityzoo.evaluation.interventions.changes import MASKED, TAKEN, Change, ImageChanges
from cityzoo.evaluation.interventions.frames import Frames, Prediction, predict_edits
from cityzoo.evaluation.interventions.sheet import write_sheet
from cityzoo.evaluation.network_inputs import prepare, spread_indices
from cityzoo.metrics.simultaneous import count_units, lower_bounds, weighted_means
from cityzoo.metrics.weighted import bootstrap_weights, interval

if TYPE_CHECKING:
    import keras

    from cityzoo.outputs import Output
    from cityzoo.sample import ImageExample, ImageSet

DRAWS = 2000  # of the bootstrap
LEAST_UNITS = 8  # images, or scenes of them, behind an interval: fewer tell too little of their spread
LEAST_FALL = 0.05  # of a score, beyond the control: less is not worth a warning
LEAST_PLACE = 0.1  # the same of a place of the image
ALL = "all classes"
SHOWN_PLACES = 12


class Effect(NamedTuple):
    """A change with what it does to each image, (N,) float64, NaN where it cannot be applied."""

    change: Change
    fall: np.ndarray  # of the score
    control: np.ndarray  # the same of the control
    before: np.ndarray  # score
    after: np.ndarray

    @property
    def reliance(self) -> np.ndarray:
        """Falls beyond those of the control."""
        return self.fall - self.control


def measure(
    model: keras.Model,
    output: Output,
    truth: ImageSet,
    donors: ImageSet,
    seed: int,
    most: int,
    folder: Path | None = None,
    groups: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Edit images, and compare the scores of their labels with those after control edits of equal size.

    The score of an image is the probability of its class, or the mean over its boxes of the highest score of a
    detection of the class with an IoU of at least .5.

    Args:
        model: a loaded model.
        output: meaning of its outputs.
        truth: labeled images.
        donors: images that backgrounds and patches are taken from, those that the model was trained on.
        seed: of random places and donors.
        most: maximum number of images, evenly spread.
        folder: gets `interventions.png`; None: no file.
        groups: the scene of each image, resampled together.

    Returns:
        `n`; `score`, the mean; `changes`: name -> `before`, `after`, `fall`, `control`, `reliance` (fall beyond the
        control) with `low` and `high` (95 %), `n`, `matters` and `flagged`; `places`, rows of the places of the image
        with `place`, `class`, `reliance`, `low` (a bound that holds for all rows together), `n` and `flagged`, highest
        bound first; `tested`, their number; `flagged`, names; `left_out`, why there are fewer changes; None if not.

    Raises:
        InputError: no images, or an output without a score for each label.
    """
    rows = spread_indices(len(truth), most)
    frames = Frames(prepare(model, output, truth, rows, seed))
    chosen = Frames(prepare(model, output, donors, spread_indices(len(donors), 2 * most), seed))
    labels = _classes(frames.examples), _classes(chosen.examples)
    changes, left_out = _list_changes(ImageChanges(frames, chosen, *labels, seed))
    effects = _measure_effects(model, output, frames, changes)
    scene = None if groups is None else [groups[row] for row in rows]
    weights = bootstrap_weights(len(rows), DRAWS, seed, scene)
    places = _describe_places(effects, frames, output.class_names, weights)
    found = {
        e.change.name: describe_reliance(e.before, e.after, e.fall, e.control, weights, e.change.matters)
        for e in effects
        if not e.change.is_place
    }
    if folder:
        flagged = {row["place"] for row in places[:SHOWN_PLACES] if row["flagged"]}
        shown = [e for e in effects if e.change.name in flagged or not e.change.is_place]
        write_sheet(folder, frames, [(e.change, e.before, e.after, e.reliance) for e in shown])
    names = [name for name, row in found.items() if row["flagged"]]
    return {
        "n": len(rows),
        "score": float(np.nanmean(effects[0].before)),
        "changes": found,
        "places": places[:SHOWN_PLACES],
        "tested": len(places),
        "flagged": names + [f"{row['place']}: {row['class']}" for row in places if row["flagged"]],
        "left_out": left_out,
    }


def _classes(examples: Sequence[ImageExample]) -> np.ndarray:
    """Return the class of each image, (N,) int, -1 for those that have not exactly one."""
    targets = [np.zeros(0) if each.target is None else each.target for each in examples]
    return np.array([int(t.argmax()) if np.sum(t > 0) == 1 else -1 for t in targets])


def _list_changes(made: ImageChanges) -> tuple[list[Change], str | None]:
    boxes = any(len(each.labels) for each in made.frames.examples)
    objects = list(made.objects_and_backgrounds()) if boxes else []
    moved = [made.move_one()] if boxes and all(each.target is None for each in made.frames.examples) else []
    why = None if boxes else "objects and backgrounds, because there are no boxes"
    return [made.turn_hue(), *objects, *moved, *made.regions()], why


def _measure_effects(
    model: keras.Model, output: Output, frames: Frames, changes: Sequence[Change]
) -> list[Effect]:
    edits = list(dict.fromkeys(e for change in changes for e in (change.edit, *change.controls)))
    clean, *rest = predict_edits(model, frames, [lambda row: None, *edits])
    scores = {
        edit: _scores(output, frames, clean.results, found) for edit, found in zip(edits, rest, strict=True)
    }
    effects = []
    for change in changes:
        before, after = scores[change.edit]
        pairs = [scores[edit] for edit in change.controls]
        falls = [change.sign * (first - second) for first, second in pairs]
        control = _mean(np.stack(falls)) if falls else np.zeros(len(frames))
        effects.append(Effect(change, change.sign * (before - after), control, before, after))
    if not any(np.isfinite(each.before).any() for each in effects):
        raise InputError("--interventions supports classes and boxes, of which the images have none")
    return effects


def _scores(
    output: Output, frames: Frames, clean: Sequence[Any], found: Prediction
) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores before and after an edit, (N,) each."""
    pairs = np.full((2, len(frames)), np.nan)
    for row, (edited, own) in enumerate(zip(found.edited, frames.examples, strict=True)):
        if edited is None:
            continue
        for place, (example, result) in enumerate(
            ((edited.before or own, clean[row]), (edited.after or own, found.results[row]))
        ):
            labels = output.label_scores(example, result)
            if edited.kept is not None:  # of images with classes, all of their boxes count as one
                labels = labels[
                    edited.kept if own.target is None else [bool(edited.kept.all())] * len(labels)
                ]
            pairs[place, row] = labels.mean() if len(labels) else np.nan
    return pairs[0], pairs[1]


def _mean(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def describe_reliance(
    before: np.ndarray,
    after: np.ndarray,
    fall: np.ndarray,
    control: np.ndarray,
    weights: np.ndarray,
    matters: bool,
) -> dict[str, Any]:
    """Return means of what a change does, the interval of the reliance, and whether it is flagged.

    Args:
        before, after, fall, control: (N,) float, NaN where the change cannot be made; the last two of the score.
        weights: (R, N) of the bootstrap.
        matters: whether right answers may depend on the change.
    """
    reliance = fall - control
    known = np.isfinite(reliance)
    draws = weighted_means(reliance[:, None], weights)[:, 0]
    enough = count_units(weights, known) >= LEAST_UNITS
    low, high = (interval(draws) if enough else None) or (None, None)
    names = ("before", "after", "fall", "control", "reliance")
    numbers = [before, after, fall, control, reliance]
    means = [float(each[known].mean()) if known.any() else None for each in numbers]
    sure = low is not None and low > 0 and (means[-1] or 0) >= LEAST_FALL
    return {
        **dict(zip(names, means, strict=True)),
        "low": low,
        "high": high,
        "n": int(known.sum()),
        "matters": matters,
        "flagged": sure and not matters,
    }


def _describe_places(
    effects: Sequence[Effect], frames: Frames, class_names: Sequence[str], weights: np.ndarray
) -> list[dict[str, Any]]:
    """Return a row per place and class, with bounds that hold for all of them together."""
    found: list[tuple[str, str, np.ndarray]] = []
    for effect in effects:
        of_class = effect.change.labels
        if of_class is None:
            continue
        for label in [-1] if (of_class < 0).all() else range(len(class_names)):
            values = np.where(of_class == label, effect.reliance, np.nan)
            if count_units(weights, np.isfinite(values)) >= LEAST_UNITS:
                found.append((effect.change.name, class_names[label] if label >= 0 else ALL, values))
    if not found:
        return []
    values = np.stack([column for _, _, column in found], axis=1)
    mean, low = weighted_means(values, np.ones((1, len(values))))[0], lower_bounds(values, weights)
    sure = (low > 0) & (mean >= LEAST_PLACE)
    if not any(len(each.labels) for each in frames.examples):
        # The border may belong to the object: that a place is missed when masked proves nothing alone.
        turned = {(place, name) for (place, name, _), s in zip(found, sure, strict=True) if s}
        sure &= [(place.replace(MASKED, TAKEN), name) in turned for place, name, _ in found]
    rows = [
        {
            "place": place,
            "class": name,
            "reliance": float(mean[i]),
            "low": float(low[i]),
            "n": int(np.isfinite(column).sum()),
            "flagged": bool(sure[i]),
        }
        for i, (place, name, column) in enumerate(found)
    ]
    return sorted(rows, key=lambda row: -row["low"])
