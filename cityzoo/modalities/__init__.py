"""Modalities: what a kind of input data (images, series, ...) needs; a task is a modality and an output.

`fit/`, `evaluation/` and `report/` know examples through this interface alone. A new modality is one file here, with
its backbones in `zoo/` and its readers in `data/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cityzoo.errors import InputError
from cityzoo.modalities.delivery import DeliveredInput
from cityzoo.modalities.example_sets import ExampleSets
from cityzoo.modalities.identity import IdentifiedData
from cityzoo.modalities.model_checks import ModelChecks
from cityzoo.modalities.protocols import Dataset, Findings, Views
from cityzoo.modalities.renderer import ExampleRenderer
from cityzoo.modalities.transfer import Flags, TransferSettings
from cityzoo.spec import AUTO

if TYPE_CHECKING:
    import keras
    import numpy as np

    from cityzoo.model import AssembledModel
    from cityzoo.spec import ResolvedSpec, TrainSpec
    from cityzoo.tasks import Task

Masks = dict[str, dict[str, "np.ndarray"]]  # attribute -> slice -> (N,) bool
__all__ = ["Dataset", "Findings", "Masks", "Modality", "Shard", "Views"]
Shard = Callable[[Any, int], tuple[Any, int]]  # (rows, batch size) -> those of this process

HELP_WORDS = {
    "sources": "a folder or a file",
    "weights": "auto|random|PATH",
    "about_weights": "auto: random",
    "about_freeze": "auto: none",
    "plan": "backbone:5,none:15",
    "later": "a tenth",
    "default_minutes": "no limit",
}


class Modality(
    ExampleSets, ExampleRenderer, IdentifiedData, DeliveredInput, ModelChecks, TransferSettings[Flags], ABC
):
    """What training and evaluation must know of one kind of input data.

    Attributes:
        name: section of spec.json and config files.
        unit: what examples are called, plural.
        flags: dataclass of the modality's flags of train.py.
        evaluate_flags: dataclass of its flags of evaluate.py.
        report_sections: modules of `cityzoo.evaluation` that add optional sections to a report.
        supports_preview: whether `write_preview` draws something.
        help_words: what words in braces of help texts in `cityzoo.spec` stand for, where not as in HELP_WORDS.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    flags: ClassVar[type]
    evaluate_flags: ClassVar[type | None] = None
    report_sections: ClassVar[tuple[str, ...]] = ()
    supports_preview: ClassVar[bool] = False
    help_words: ClassVar[Mapping[str, str]] = {}

    @property
    def words(self) -> dict[str, str]:
        """Return what all words in braces of help texts stand for."""
        stages = "|".join((AUTO, *self.freeze_points))
        return {**HELP_WORDS, "unit": self.unit, "stages": stages, **self.help_words}

    # --- before anything heavy is loaded

    @abstractmethod
    def backbones(self) -> Mapping[str, str]:
        """Return each backbone's name with one line about it."""

    def check(self, spec: TrainSpec[Flags], task: Task) -> None:
        """Raise InputError for settings that are known to be wrong before any work."""

    # --- data

    @abstractmethod
    def read(self, spec: TrainSpec[Flags], task: Task) -> Any:
        """Read the labeled data, or the task's demo data, and log what the check found.

        Raises:
            InputError: anything about the data that cannot be used.
        """

    @abstractmethod
    def read_to_evaluate(
        self, spec: TrainSpec[Flags], task: Task, class_names: Sequence[str], flags: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        """Return the examples that evaluate.py's flags name, with the model's labels, and the findings.

        Raises:
            InputError: unusable data, or labels that the model does not have.
        """

    def read_unlabelled(self, path: str, flags: Mapping[str, Any]) -> Any:
        """Return examples without labels for `--predict`.

        Raises:
            InputError: nothing usable there, or a modality without such data.
        """
        raise InputError(f"--predict does not support {self.unit}: remove it")

    def read_new(self, spec: TrainSpec[Flags], task: Task, path: str, flags: Mapping[str, Any]) -> Any:
        """Return new examples for a run's model, without looking at labels; errors as of `read_unlabelled`."""
        return self.read_unlabelled(path, flags)

    def read_to_predict(self, run: Path, spec: TrainSpec[Flags], path: str, flags: Mapping[str, Any]) -> Any:
        """Return examples without labels as the model in a run's folder takes them; errors as of `read_unlabelled`."""
        return self.read_unlabelled(path, flags)

    def is_unlabelled(self, path: str) -> bool:
        """Return whether a source holds examples without any labels."""
        return False

    def fingerprint(self, data: Any) -> list[Any]:
        """Return what must be equal in all processes of one training."""
        return [len(data.train), len(data.val)]

    # --- model

    def resolve(self, spec: TrainSpec[Flags], data: Any) -> Flags:
        """Return the flags with every "auto" replaced by a value."""
        return spec.modality

    def settings_of_epochs(self, spec: TrainSpec[Flags], epochs: int) -> dict[str, Any]:
        """Return those of the resolved flags that depend on the number of epochs, if --minutes changes it."""
        return {}

    @abstractmethod
    def build(self, spec: ResolvedSpec[Flags], output: Any, data: Any) -> AssembledModel:
        """Put the head on the backbone and give the model its starting weights.

        Raises:
            InputError: the backbone cannot be built like this, or weights are unavailable.
        """

    def class_names(self, model: keras.Model) -> tuple[str, ...]:
        """Return the class names that a saved model carries."""
        return ()

    # --- batches

    @abstractmethod
    def views(self, spec: ResolvedSpec[Flags], output: Any, data: Any) -> tuple[Any, Any]:
        """Return the training and the validation examples as they come to the network."""

    def unlabelled_views(self, spec: ResolvedSpec[Flags], output: Any, folder: Path) -> Any | None:
        """Return views of unlabeled examples to train with as well, weak and strong ones; None if there are none.

        One alone has labels of its own: what the first model in the run's `folder` finds.
        """
        return None

    def count_unlabelled(self, spec: TrainSpec[Flags]) -> int:
        """Return the number of unlabeled examples to train with."""
        return 0

    def views_shown(self, spec: ResolvedSpec[Flags], stage: str) -> int | None:
        """Return how many views of each example are shown in turn while frozen up to a stage; None: always new ones."""
        return None

    def steps_per_epoch(self, views: Any, batch_size: int) -> int:
        """Return the number of training steps of an epoch."""
        return len(views) // batch_size

    @abstractmethod
    def training_batches(
        self,
        assembled: AssembledModel,
        views: Any,
        spec: ResolvedSpec[Flags],
        first: int,
        last: int,
        shown: int | None,
        shard: Shard,
    ) -> Iterable[Any]:
        """Return the batches (inputs, target) of the epochs from `first` to `last` (exclusive), in order.

        The same arguments give the same batches, so that a resumed run continues exactly.

        Args:
            assembled: the model that is trained.
            views: training examples.
            spec: of the run.
            first: first epoch.
            last: the epoch after the last one.
            shown: number of views that each example is shown in, in turn; None: a new one each epoch.
            shard: selects this process's part of each batch.
        """

    def examples_of_step(
        self,
        assembled: AssembledModel,
        views: Any,
        spec: ResolvedSpec[Flags],
        epoch: int,
        step: int,
        shown: int | None,
    ) -> list[tuple[str, int]]:
        """Return name and view of each example of a training step."""
        return []

    def predict_views(self, model: keras.Model, views: Any, batch_size: int) -> list[Any]:
        """Return the decoded results for every example, in order."""
        return self.predict(model, views.examples, views.output)

    @abstractmethod
    def predict(self, model: keras.Model, examples: Any, output: Any) -> list[Any]:
        """Return the decoded results of a loaded model for every example, in order, with a progress bar."""

    def raw_outputs(self, run: Callable[[Any], Any], examples: Any) -> np.ndarray:
        """Return a compiled model's outputs for every example, not decoded, for `Output.calibrate`."""
        raise TypeError(f"{self.unit} have no calibration of outputs")

    # --- evaluation

    def input_signals(self, examples: Any, row: int) -> dict[str, list[float]] | None:
        """Return what a server measures of an example, by name, so that it notices drift; None: nothing."""
        return None

    def slices(self, examples: Any, by: str) -> Masks:
        """Return subsets of the examples to report metrics of.

        Raises:
            InputError: `by` cannot be used.
        """
        return {}

    def write_manifest(self, folder: Path, data: Any, output: Any) -> None:
        """Write what the model's users need next to it, where the model itself does not hold everything."""

    def check_manifest(self, folder: Path, examples: Any) -> None:
        """Raise InputError if examples do not fit what a run's model was made for."""
