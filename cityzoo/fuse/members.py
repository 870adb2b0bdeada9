"""The runs that are fused: opened, and checked that they fit together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.errors import InputError
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.modalities.identity import DataIdentity
from cityzoo.spec import ResolvedSpec

if TYPE_CHECKING:
    import keras


def open_members(paths: Sequence[str]) -> list[EvaluatedRun]:
    """Open runs of one task with the same classes, input and held-out examples.

    Raises:
        InputError: no run, a run twice, or runs that do not fit together.
    """
    real = [str(Path(path).resolve()) for path in paths]
    twice = next((path for path, own in zip(paths, real, strict=True) if real.count(own) > 1), None)
    if twice:
        raise InputError(f"'{twice}' is given twice: give different runs")
    members = [open_evaluated(path) for path in paths]
    for member in members:
        if not isinstance(member.spec, ResolvedSpec):
            raise InputError(f"'{member.path}' was not trained by this version: train it again with --config")
    for other in members[1:]:
        _require_like(members[0], other)
    return members


def _require_like(first: EvaluatedRun, other: EvaluatedRun) -> None:
    for what, describe, advice in CHECKS:
        one, two = describe(first), describe(other)
        if one != two:
            raise InputError(f"'{first.path}' and '{other.path}' differ in {what} ({one}; {two}): {advice}")
    _require_like_data(first, other)


def describe_shapes(tensors: Sequence[Any]) -> str:
    """Return sizes without the batch axis in words.

    Example:
        >>> import keras
        >>> describe_shapes([keras.Input((96, 128, 3)), keras.Input((None,))])
        '96x128x3 and any'
    """
    return " and ".join("x".join("any" if n is None else str(n) for n in each.shape[1:]) for each in tensors)


Check = tuple[str, Callable[[EvaluatedRun], str], str]
CHECKS: tuple[Check, ...] = (
    ("task", lambda run: run.spec.run.task_name, "fuse runs of one task"),
    (
        "classes",
        lambda run: ", ".join(run.output.class_names),
        "train with the same --classes and --class-map",
    ),
    ("size of the input", lambda run: describe_shapes(run.model.inputs), "train with inputs of one size"),
    ("size of the output", lambda run: describe_shapes(run.model.outputs), "train with the same head"),
)


def _require_like_data(first: EvaluatedRun, other: EvaluatedRun) -> None:
    one, two = (DataIdentity.read(run.folder.data) for run in (first, other))
    if one is None or two is None:
        return
    held_out = [split for split in one.splits if split != "train"]
    strange = [split for split in held_out if one.splits[split] != two.splits.get(split)]
    if strange:
        raise InputError(
            f"'{first.path}' and '{other.path}' were trained on different data or splits ({strange[0]} differs), so "
            "one may have learned what the other is evaluated on: train them with the same --data, --val and --split-by"
        )
    for name in first.task.modality.companions:
        files = [run.folder.path / name for run in (first, other)]
        contents = [file.read_bytes() if file.is_file() else None for file in files]
        if contents[0] != contents[1]:
            raise InputError(
                f"'{first.path}' and '{other.path}' have another {name}, so they read other inputs: fuse runs of one "
                "backbone family"
            )


def describe_architecture(model: keras.Model) -> list[tuple[str, list[tuple[int, ...]]]]:
    """Return the layers that hold weights, by kind and shapes."""
    return [
        (type(layer).__name__, [tuple(weight.shape) for weight in layer.weights])
        for layer in model.layers
        if layer.weights
    ]


def find_stranger(members: Sequence[EvaluatedRun]) -> EvaluatedRun | None:
    """Return the first member of another architecture than the first one; None if all are the same network."""
    first = describe_architecture(members[0].model)
    return next((each for each in members[1:] if describe_architecture(each.model) != first), None)
