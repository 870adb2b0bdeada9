"""A run folder's Keras model where a program expects an exported file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.backend import compiled
from cityzoo.evaluation.evaluated_run import EvaluatedRun, open_evaluated
from cityzoo.export import description, graphs
from cityzoo.runtime.base_model import RuntimeModel, TensorInfo
from cityzoo.runtime.detection_outputs import restorer


class KerasModel(RuntimeModel):
    """A run's model with the named outputs of an exported file.

    Args:
        run: the run.
        variant: of its graph, see `cityzoo.export.graphs`.
    """

    runtime = "keras"

    def __init__(self, run: EvaluatedRun, variant: str) -> None:
        self._graph = graphs.make_graph(run.model, run.output, variant)
        self._function: Callable[[Any], Any]
        super().__init__(run.folder.model, restore=restorer(variant, len(run.output.class_names)))

    def open(self) -> None:
        """Compile it."""
        self._function = compiled(self._graph)
        self.inputs = tuple(_info(tensor.name, tensor) for tensor in self._graph.inputs)
        self.outputs = tuple(_info(name, tensor) for name, tensor in self._graph.output.items())

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs by name."""
        given: Any = feeds if isinstance(self._graph.input, dict) else next(iter(feeds.values()))
        return {name: np.asarray(array) for name, array in self._function(given).items()}


def _info(name: str, tensor: Any) -> TensorInfo:
    return TensorInfo(name, tuple(tensor.shape), tensor.dtype)


def open_run(path: Path) -> tuple[RuntimeModel, dict[str, Any]]:
    """Open a run folder, or its model.keras, with the description that an exported file would have.

    Raises:
        InputError: no run folder, or one without a model.
    """
    run = open_evaluated(str(path.parent if path.suffix == ".keras" else path))
    variant = graphs.choose_variant(run.output, None, "keras")
    file = KerasModel(run, variant)
    return file, description.describe(run, file, "keras", variant, "float32")
