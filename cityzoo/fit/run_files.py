"""The files of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# What a training writes before its first checkpoint: nothing that cannot be made again.
UNBEGUN = re.compile(
    r"(spec|data|memory|pruning|quantization|pretraining)\.json|(before|model|pruned|start)\.keras|history\.csv|find_lr\.png|logs|"
    r".*\.part|\.\d+\..*"
)


@dataclass(frozen=True)
class RunFolder:
    """The files of a run.

    `spec.json` what was asked for, resolved; `data.json` identity of the data; `before.keras` the model before its
    first step; `pruned.keras` the model that a pruned run starts from; `model.keras` the best epoch; `last.keras` the
    last one; `epochs/` the last ones, if asked for; `history.csv` one row per epoch; `logs/` for TensorBoard;
    `checkpoint.npz` to resume from; `report.json` and `report.html`.
    """

    path: Path

    @property
    def is_signed(self) -> bool:
        """Return whether the folder was signed: its files are left as they are then."""
        return (self.path / "model.sig").is_file()

    @property
    def spec(self) -> Path:
        """Return the path of the resolved spec."""
        return self.path / "spec.json"

    @property
    def data(self) -> Path:
        """Return the path of the identity of the data."""
        return self.path / "data.json"

    @property
    def model(self) -> Path:
        """Return the path of the best epoch's model."""
        return self.path / "model.keras"

    @property
    def before(self) -> Path:
        """Return the path of the model before its first step."""
        return self.path / "before.keras"

    @property
    def pruned(self) -> Path:
        """Return the path of the model that a pruned run starts from."""
        return self.path / "pruned.keras"

    @property
    def last(self) -> Path:
        """Return the path of the last epoch's model."""
        return self.path / "last.keras"

    @property
    def epochs(self) -> Path:
        """Return the folder of the last epochs' models, which --keep-epochs asks for."""
        return self.path / "epochs"

    @property
    def delta(self) -> Path:
        """Return the path of an adapted run's delta file."""
        return self.path / "delta.npz"

    @property
    def bad_batch(self) -> Path:
        """Return the path of a batch whose loss was not finite."""
        return self.path / "bad_batch.npz"

    @property
    def history(self) -> Path:
        """Return the path of the metrics of each epoch."""
        return self.path / "history.csv"

    @property
    def logs(self) -> Path:
        """Return the folder of TensorBoard's files."""
        return self.path / "logs"

    @property
    def checkpoint(self) -> Path:
        """Return the path of the state to resume from."""
        return self.path / "checkpoint.npz"

    @property
    def memory(self) -> Path:
        """Return the path of the examples of earlier runs that a continued run is trained on as well."""
        return self.path / "memory.json"

    @property
    def is_unbegun(self) -> bool:
        """Return whether it holds nothing but what a training killed before its first checkpoint leaves."""
        names = {entry.name for entry in self.path.iterdir()}
        rows = self.history.read_bytes().count(b"\n") - 1 if self.history.is_file() else 0
        return all(map(UNBEGUN.fullmatch, names)) and rows <= 1

    @property
    def has_results(self) -> bool:
        """Return whether a finished epoch, or a batch whose loss was not finite, is saved."""
        return any(path.exists() for path in (self.checkpoint, self.bad_batch, self.model))
