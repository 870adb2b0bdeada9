"""What a patch does to a classifier, next to patches of noise and gray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo import backend
from cityzoo.errors import InputError
from cityzoo.evaluation.adversarial.patch import Placement, draw_placement, paste_patch, search_patch
from cityzoo.evaluation.network_inputs import NetworkInputs, prepare, spread_indices
from cityzoo.metrics.groups import find_right
from cityzoo.metrics.weighted import bootstrap_weights, interval
from cityzoo.visualize.sheets import cell_size, save_grid

if TYPE_CHECKING:
    import keras

    from cityzoo.outputs.classification import Classification
    from cityzoo.sample import ImageSet

PLACES = 4  # in each image that the patch is measured in
DRAWS = 1000
LEAST = 20  # images, of which half are searched on
SHOWN, COLUMNS = 3, 4  # images on the sheet, columns
PATCH, NOISE, GRAY = "patch", "random noise", "gray"


def divide_images(groups: Sequence[str], seed: int) -> tuple[list[int], list[int]]:
    """Return rows to search on and rows to measure on: about half each, images of one scene on one side.

    Example:
        >>> searched, measured = divide_images(["a", "a", "b", "b", "", ""], seed=0)
        >>> sorted(searched + measured), {0, 1} <= set(searched) or {0, 1} <= set(measured)
        ([0, 1, 2, 3, 4, 5], True)
    """
    names = [group or f"image {row}" for row, group in enumerate(groups)]
    order = np.random.default_rng(seed).permutation(list(dict.fromkeys(names))).tolist()
    sides: tuple[list[int], list[int]] = ([], [])
    for name in order:
        rows = [row for row, each in enumerate(names) if each == name]
        min(sides, key=len).extend(rows)
    return sorted(sides[0]), sorted(sides[1])


def measure(
    model: keras.Model,
    output: Classification,
    truth: ImageSet,
    groups: Sequence[str],
    share: float,
    seed: int,
    most: int,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Search a patch on one half of some images and measure it on the other half, next to patches of noise and gray.

    Args:
        model: a loaded model.
        output: what its outputs mean.
        truth: labeled images.
        groups: scene of each.
        share: of the image that the patch covers, 0..1.
        seed: of all random values.
        most: maximum number of images.
        folder: gets `patch_search.png`; None: no sheet.

    Returns:
        `share`, `side`, `searched`, `n`, `accuracy` without patch with `interval`; `patches`: by name `accuracy`,
        `interval`, `fall` from no patch with `fall_interval`; `beyond_noise` with `beyond_noise_interval`, what the
        patch costs more than noise; `answers`: the most frequent class of images with the patch, and its share.

    Raises:
        InputError: fewer than 20 images.
    """
    rows = spread_indices(len(truth), most)
    if len(rows) < LEAST:
        raise InputError(
            f"--patch-search needs {LEAST} labeled images, there are {len(rows)}: give more by --data"
        )
    halves = divide_images([groups[row] for row in rows], seed)
    searched, held = (prepare(model, output, truth, [rows[i] for i in half], seed) for half in halves)
    side = max(1, round(np.sqrt(share * np.prod(held.size_hw))))
    rng = np.random.default_rng((seed, 1))
    patches = {
        PATCH: search_patch(model, searched, side, seed),
        NOISE: rng.uniform(0, 255, (side, side, 3)).astype(np.float32),
        GRAY: np.full((side, side, 3), 128, np.float32),
    }
    places = [[draw_placement(rng, held.size_hw, side) for _ in range(PLACES)] for _ in range(len(held))]
    answered = {name: _answer(model, held, patch, places) for name, patch in {"": None, **patches}.items()}
    weights = bootstrap_weights(len(held), DRAWS, seed, [groups[rows[i]] for i in halves[1]])
    if folder:
        _write_sheet(folder, held, patches, places, answered)
    found = _describe({name: right for name, (right, _) in answered.items()}, weights)
    names, counts = np.unique([each for row in answered[PATCH][1] for each in row], return_counts=True)
    top = int(counts.argmax())
    return {
        **{"share": share, "side": side, "searched": len(searched), "n": len(held)},
        **found,
        "answers": {"class": str(names[top]), "share": float(counts[top] / counts.sum())},
    }


def _answer(
    model: keras.Model, inputs: NetworkInputs, patch: np.ndarray | None, places: Sequence[Sequence[Placement]]
) -> tuple[np.ndarray, list[list[str]]]:
    """Return the share of right answers of each image over its places, (N,), and the answers in words."""
    output: Any = inputs.output
    run, several = backend.compiled(model), bool(getattr(output, "several", False))
    targets = np.stack([np.asarray(each.target) for each in inputs.examples.examples])
    right, words = np.zeros((PLACES, len(inputs))), [[""] * PLACES for _ in range(len(inputs))]
    for number in range(PLACES):
        for part in inputs.parts:
            where = np.arange(len(inputs))[part]
            images = inputs.images[part].astype(np.float32)
            if patch is not None:
                images = np.stack(
                    [paste_patch(images[i], patch, places[r][number]) for i, r in enumerate(where)]
                )
            shares = np.stack(inputs.answer(run, images, where.tolist()))
            right[number, part] = find_right(targets[part], shares, several)
            for row, each in zip(where, shares, strict=True):
                words[row][number] = output.class_names[int(each.argmax())]
    return right.mean(axis=0), words


def _describe(right: dict[str, np.ndarray], weights: np.ndarray) -> dict[str, Any]:
    weights = weights / weights.sum(axis=1, keepdims=True)
    draws = {name: weights @ each for name, each in right.items()}
    values = {name: float(each.mean()) for name, each in right.items()}
    return {
        "accuracy": values[""],
        "interval": interval(draws[""]),
        "patches": {
            name: {
                "accuracy": values[name],
                "interval": interval(draws[name]),
                "fall": values[""] - values[name],
                "fall_interval": interval(draws[""] - draws[name]),
            }
            for name in (PATCH, NOISE, GRAY)
        },
        "beyond_noise": values[NOISE] - values[PATCH],
        "beyond_noise_interval": interval(draws[NOISE] - draws[PATCH]),
    }


def _write_sheet(
    folder: Path,
    inputs: NetworkInputs,
    patches: dict[str, np.ndarray],
    places: Sequence[Sequence[Placement]],
    answered: dict[str, tuple[np.ndarray, list[list[str]]]],
) -> None:
    cells, captions = [patches[PATCH].astype(np.uint8)], ["the patch"]
    turned = np.argsort(answered[PATCH][0] - answered[""][0], kind="stable")[:SHOWN]
    for name in (PATCH, NOISE):
        for row in turned:
            image = paste_patch(inputs.images[row].astype(np.float32), patches[name], places[row][0])
            cells.append(image.astype(np.uint8))
            captions.append(f"{name}: {answered[name][1][row][0]}")
        if name == PATCH:
            cells.append(patches[NOISE].astype(np.uint8))
            captions.append("random noise")
    save_grid(folder / "patch_search.png", cells, captions, cell_size([inputs.size_hw]), COLUMNS)
