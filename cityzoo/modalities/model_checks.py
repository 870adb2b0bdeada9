"""What a modality contributes to checks of a model beyond its metrics: baselines, corruptions, explanations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from cityzoo.errors import InputError

if TYPE_CHECKING:
    import keras
    import numpy as np


class Corruption(NamedTuple):
    """Examples under one condition.

    Attributes:
        name: of the condition, such as "typos".
        level: how strong it is, in words, such as "1 word in 10" or "10 dB"; "" where there is one level.
        examples: as a set of the modality, with labels; those that the condition changes.
        rows: positions of these examples among the clean ones; None: all of them, in order.
    """

    name: str
    level: str
    examples: Any
    rows: Sequence[int] | None = None


class Intervention(NamedTuple):
    """Examples with one change, and with a control change of equal size.

    Attributes:
        name: of the change, such as "other places".
        examples, control: as sets of the modality, with labels; those that can be changed so.
        rows: positions of these examples among the unchanged ones.
        matters: whether right answers may depend on the change.
    """

    name: str
    examples: Any
    control: Any
    rows: Sequence[int]
    matters: bool = False


class ModelChecks:
    """Checks of a model that need to know examples; by default none."""

    unit: ClassVar[str]  # what examples are called, plural
    supports_clusters: ClassVar[bool] = False  # whether a backbone's features tell which examples are alike

    def baselines(self, run: Path, examples: Any, output: Any) -> Mapping[str, Sequence[Any]]:
        """Return the results of simple methods for every example, by name; what they learned lies in the run folder.

        `write_manifest` writes it there. Results are of the type that `output.decode` returns.
        """
        return {}

    def hashes(self, examples: Any) -> list[str]:
        """Return the perceptual hash of each example, by which near duplicates are found; empty: not known."""
        return []

    def thumbnails(self, examples: Any) -> np.ndarray:
        """Return each example as a gray thumbnail, (N, h, w) uint8; (N, 0, 0) for what is no image."""
        import numpy as np

        return np.zeros((len(examples), 0, 0), np.uint8)

    def corruptions(self, examples: Any, seed: int) -> Iterator[Corruption]:
        """Yield the examples of --robustness under one condition after another.

        The same arguments give the same examples. Modalities whose corruptions are computed in batches of network
        inputs, such as images, yield nothing here.
        """
        yield from ()

    def interventions(self, examples: Any, seed: int) -> Iterator[Intervention] | None:
        """Return the changes of --interventions one after another; None for a modality without such changes.

        The same arguments give the same examples. Those of images are made in `cityzoo.evaluation.interventions`.
        """
        return None

    def score_changed(self, examples: Any, results: Sequence[Any], output: Any) -> np.ndarray:
        """Return the score of each example of --interventions, (N,) float: better if higher; NaN: not known.

        Raises:
            InputError: an output without a score for each label.
        """
        import numpy as np

        labels = [output.label_scores(e, r) for e, r in zip(examples.examples, results, strict=True)]
        if not all(map(len, labels)):
            raise InputError("--interventions supports classes and boxes, of which these examples have none")
        return np.array([each.mean() for each in labels])

    def additional_metrics(
        self, model: keras.Model, output: Any, examples: Any, flags: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what a report says besides the metrics of the examples, by flags of evaluate.py.

        Raises:
            InputError: a flag that cannot be used.
        """
        return {}

    def explain(
        self,
        model: keras.Model,
        output: Any,
        examples: Any,
        results: Sequence[Any],
        wanted: int | str,
        seed: int,
    ) -> dict[str, Any] | None:
        """Return the report's `explanations` of some predictions; None for a modality that is explained by images.

        Args:
            model: a loaded model.
            output: meaning of its outputs.
            examples: the held-out examples.
            results: one per example.
            wanted: number of predictions to explain, or the name of an example.
            seed: of the random weights of the sanity check.

        Raises:
            InputError: no such example, or an output that cannot be explained.
        """
        return None
