"""What modalities have in common whose examples are rows with class labels: clips, texts, rows of tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from augment.epoch_order import Rows, shuffled
from cityzoo.modalities import Modality, Shard
from cityzoo.modalities.labeled_examples import read_labeled, read_sides, reorder_labels
from cityzoo.modalities.transfer import Flags
from cityzoo.spec import CLOSED_FORM, ResolvedSpec, TrainSpec

if TYPE_CHECKING:
    import keras

    from cityzoo.model import AssembledModel
    from cityzoo.tasks import Task

PREFETCHED = 8  # batches
Spec = ResolvedSpec[Any]


class LabeledModality(Modality[Flags]):
    """Examples with a target each; views of them come in batches of (inputs, targets, weights)."""

    @abstractmethod
    def read_options(self, spec: TrainSpec[Flags]) -> dict[str, Any]:
        """Return what the task's reader is given."""

    @abstractmethod
    def other_options(self, flags: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that differ where evaluate.py is given other data."""

    def read(self, spec: TrainSpec[Flags], task: Task) -> Any:
        return read_labeled(spec, task, self.read_options(spec))

    def read_to_evaluate(
        self, spec: TrainSpec[Flags], task: Task, class_names: Sequence[str], flags: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        truth, found = read_sides(spec, task, flags, self.read_options(spec), self.other_options(flags))
        return reorder_labels(truth, class_names), found.findings

    def fingerprint(self, data: Any) -> list[Any]:
        return [(e.path, e.target.tolist()) for side in (data.train, data.val) for e in side.examples]

    def class_names(self, model: keras.Model) -> tuple[str, ...]:
        from cityzoo.model import class_names

        return class_names(model)

    def freeze(self, assembled: AssembledModel, spec: Spec, stage: str) -> None:
        import zoo

        stage = "backbone" if stage == CLOSED_FORM else stage
        adapted = hasattr(assembled.backbone, "adaptation")
        (zoo.freeze_base if adapted else zoo.freeze)(assembled.backbone, stage)

    def stage_of_layers(self, backbone: keras.Model) -> Mapping[str, str]:
        import zoo

        return zoo.stage_of_layers(backbone)

    def views_shown(self, spec: Spec, stage: str) -> int | None:
        return 1

    def order(self, views: Any, spec: Spec, first: int, last: int, shown: int | None) -> Rows:
        """Return the rows of the epochs from `first` to `last` (exclusive) in the order of training."""
        return shuffled(len(views), spec.fit.batch_size, spec.run.seed, first, last, shown)

    def training_batches(
        self,
        assembled: AssembledModel,
        views: Any,
        spec: Spec,
        first: int,
        last: int,
        shown: int | None,
        shard: Shard,
    ) -> Iterable[Any]:
        import tensorflow as tf

        triples = views.batches(*shard(self.order(views, spec, first, last, shown), spec.fit.batch_size))
        pairs = tf.autograph.experimental.do_not_convert(lambda x, y, _: (x, y))
        return triples.map(pairs).prefetch(PREFETCHED)

    def examples_of_step(
        self, assembled: AssembledModel, views: Any, spec: Spec, epoch: int, step: int, shown: int | None
    ) -> list[tuple[str, int]]:
        size, rows = spec.fit.batch_size, self.order(views, spec, epoch, epoch + 1, shown)
        chosen = islice(rows(), step * size, (step + 1) * size)
        return [(self.name_of(views.examples.examples[row]), view) for row, view in chosen]

    def name_of(self, example: Any) -> str:
        """Return what an example is called in messages and in the data's identity."""
        return example.path

    def reorder_labels(self, examples: Any, class_names: Sequence[str]) -> Any:
        return reorder_labels(examples, class_names)

    def groups(self, examples: Any) -> list[str]:
        return [each.group for each in examples.examples]
