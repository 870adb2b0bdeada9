"""Network inputs of a run's examples, recorded while a model runs over them, for calibration and comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError

if TYPE_CHECKING:
    from cityzoo.evaluation.evaluated_run import EvaluatedRun

SEED = 0


class Recorder:
    """Stand in for a model wherever a compiled one runs, and keep its inputs and raw outputs.

    Args:
        model: a Keras model or a `RuntimeModel`.
        keep_inputs: whether to keep the inputs, too.
    """

    runs_compiled = True  # see `cityzoo.backend.compiled`

    def __init__(self, model: Any, keep_inputs: bool = True) -> None:
        from cityzoo.backend import compiled

        self.inputs, self.input = model.inputs, model.input
        self.file = getattr(model, "file", None)  # files lie next to it that go with the model
        self._run, self._keeps = compiled(model), keep_inputs
        self.batches: list[Any] = []
        self.results: list[Any] = []

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """Run the model on a batch."""
        outputs = self._run(inputs)
        if self._keeps:
            arrays = {k: np.asarray(v) for k, v in inputs.items()} if isinstance(inputs, dict) else None
            self.batches.append(np.asarray(inputs) if arrays is None else arrays)
        self.results.append(outputs)
        return outputs


def spread_rows(count: int, most: int) -> list[int]:
    """Return at most `most` rows of `count`, drawn without repetition, in order, the same ones each time.

    Example:
        >>> spread_rows(3, 10), len(spread_rows(1000, 10))
        ([0, 1, 2], 10)
    """
    chosen = np.random.default_rng(SEED).permutation(count)[:most]
    return sorted(chosen.tolist())


def record(run: EvaluatedRun, examples: Any, model: Any = None) -> Recorder:
    """Run a model over examples as they come to the network in evaluation, and return what was recorded.

    Args:
        run: the run.
        examples: of its modality.
        model: a Keras model or a `RuntimeModel`; None: the run's own.
    """
    recorder = Recorder(model or run.model)
    run.task.modality.predict(recorder, examples, run.output)
    return recorder


def calibration_batches(run: EvaluatedRun, count: int, data: str | None = None) -> list[Any]:
    """Return inputs of the network from the training split, without augmentation.

    Args:
        run: the run.
        count: examples wanted; fewer if the split has fewer.
        data: another source of the same kind, whose training split is used instead.

    Returns:
        Batches of inputs: float32 arrays (B, h, w, 3) of images, RGB 0..255; dicts of arrays where a model has several
        inputs.

    Raises:
        InputError: the data cannot be read, or has other classes than the run.
    """
    modality, spec = run.task.modality, run.spec
    spec = spec if data is None else spec.replace(data=data)
    train = modality.read(spec, run.task).train
    names = tuple(getattr(train, "class_names", ()))
    if names and run.output.class_names and set(names) != set(run.output.class_names):
        raise InputError(
            f"calibration data has the classes {', '.join(names)}, the model {', '.join(run.output.class_names)}: give "
            "data of the same task"
        )
    modality.check_manifest(run.folder.path, train)
    return record(run, modality.select(train, spread_rows(len(train), count))).batches
