"""What exported files in all runtimes have in common: a model that is callable as the Keras model was."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cityzoo.runtime.packages import usable_cores


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of an exported file.

    Attributes:
        name: as the file calls it.
        shape: sizes, None where any is allowed.
        dtype: of the array that the caller gives or gets, such as "float32".
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class RuntimeModel(ABC):
    """An exported file, callable like a Keras model in inference: arrays in, arrays out, batches of any size.

    `cityzoo.backend.compiled`, `Modality.predict` and `predict.measure_latency` take it where they take a Keras model.

    Args:
        path: of the file, or the folder of a SavedModel.
        threads: of the runtime; None: as many as this process has cores.
        restore: outputs by name -> what the Keras model returns; None: the only output, or all of them by name.
        padding: by input the value that fills up examples shorter than a file of fixed length takes.

    Attributes:
        runtime: name of the package that runs it.
        inputs, outputs: what the file takes and returns, in its order.
    """

    runtime: ClassVar[str]
    runs_compiled: ClassVar[bool] = True  # see `cityzoo.backend.compiled`
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]

    def __init__(
        self,
        path: Path,
        threads: int | None = None,
        restore: Callable[[Mapping[str, np.ndarray]], Any] | None = None,
        padding: Mapping[str, int] | None = None,
    ) -> None:
        self.path, self.restore, self.padding = path, restore, padding or {}
        self.threads = threads or usable_cores()
        self.open()

    @abstractmethod
    def open(self) -> None:
        """Load the file and set `inputs` and `outputs`."""

    @abstractmethod
    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs by name for one batch that the file takes as it is."""

    @property
    def input(self) -> Any:
        """Return what it takes: the only input, or all of them by name."""
        return self.inputs[0] if len(self.inputs) == 1 else {each.name: each for each in self.inputs}

    @property
    def file(self) -> Path:
        """Return its path, next to which the files lie that go with it."""
        return self.path

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the file, of all files of a model in several, and of the runtime's name."""
        found = hashlib.sha256(self.runtime.encode())
        for file in model_files(self.path):
            found.update(file.read_bytes())
        return found.hexdigest()

    def named_outputs(self, inputs: Any) -> dict[str, np.ndarray]:
        """Return the outputs by name for a batch of any size.

        Args:
            inputs: an array or tensor (B, ...), or a dict of them by input name.
        """
        given = inputs if isinstance(inputs, Mapping) else {self.inputs[0].name: inputs}
        feeds = {each.name: np.asarray(given[each.name]).astype(each.dtype) for each in self.inputs}
        lengths = {name: (feeds[name].shape[1], self._fixed_length(name)) for name in self.padding}
        for name, (length, fixed) in lengths.items():
            if fixed is not None and length < fixed:
                feeds[name] = pad(feeds[name], fixed, self.padding[name])
        found = self._run_parts(feeds)
        for length, fixed in lengths.values():
            found = {n: a[:, :length] if a.ndim > 2 and a.shape[1] == fixed else a for n, a in found.items()}
        return found

    def _fixed_length(self, name: str) -> int | None:
        return next(each.shape[1] for each in self.inputs if each.name == name)

    def _run_parts(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        fixed = self.inputs[0].shape[0]
        if fixed is None:
            return self.run(feeds)
        parts = [self.run(part) for part in _parts(feeds, fixed)]
        count = len(next(iter(feeds.values())))
        return {name: np.concatenate([part[name] for part in parts])[:count] for name in parts[0]}

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """Return what the Keras model returns for these inputs."""
        found = self.named_outputs(inputs)
        if self.restore:
            return self.restore(found)
        return next(iter(found.values())) if len(found) == 1 else found


def pad(array: np.ndarray, length: int, value: float) -> np.ndarray:
    """Return (B, length, ...) from (B, T, ...), filled up at the end.

    Example:
        >>> pad(np.array([[7, 8]]), 4, 0).tolist()
        [[7, 8, 0, 0]]
    """
    sides = [(0, 0), (0, length - array.shape[1]), *[(0, 0)] * (array.ndim - 2)]
    return np.pad(array, sides, constant_values=value)


def _parts(feeds: dict[str, np.ndarray], size: int) -> Iterator[dict[str, np.ndarray]]:
    # Batches of exactly `size`, the last one filled up with copies of its last example.
    count = len(next(iter(feeds.values())))
    for start in range(0, count, size):
        rows = np.minimum(np.arange(start, start + size), count - 1)
        yield {name: array[rows] for name, array in feeds.items()}


def model_files(path: Path) -> list[Path]:
    """Return the files of an exported model: OpenVINO's weights lie next to its graph, a SavedModel is a folder."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    weights = path.with_suffix(".bin")
    return [path, weights] if path.suffix == ".xml" and weights.is_file() else [path]
