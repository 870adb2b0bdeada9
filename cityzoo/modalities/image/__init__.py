"""Images of cameras: labels are boxes, classes of whole images, counts or masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import augment
import zoo
import zoo.registry
from augment.epoch_order import shuffled
from cityzoo.data.image import load_images
from cityzoo.data.image.image_files import images_under
from cityzoo.errors import InputError
from cityzoo.modalities import Modality, Shard
from cityzoo.modalities.identity import Names
from cityzoo.modalities.image import data as reading
from cityzoo.modalities.image import settings
from cityzoo.modalities.image.checks import ImageChecks
from cityzoo.modalities.image.delivery import DeliveredImage
from cityzoo.modalities.image.evaluate_flags import ImageEvaluateFlags
from cityzoo.modalities.image.flags import ImageFlags
from cityzoo.modalities.image.renderer import ImageRenderer
from cityzoo.spec import CLOSED_FORM, ResolvedSpec, TrainSpec

if TYPE_CHECKING:
    import keras

    from cityzoo.data.image import Dataset
    from cityzoo.data.image.views import AugmentedViews
    from cityzoo.model import AssembledModel
    from cityzoo.outputs import Output
    from cityzoo.sample import ImageSet
    from cityzoo.tasks import Task

Spec = ResolvedSpec[Any]


class Image(ImageRenderer, DeliveredImage, ImageChecks, Modality[ImageFlags]):
    """RGB images, decoded, augmented and letterboxed to one size."""

    name: ClassVar[str] = "image"
    unit: ClassVar[str] = "images"
    flags: ClassVar[type] = ImageFlags
    evaluate_flags: ClassVar[type] = ImageEvaluateFlags
    freeze_points: ClassVar[tuple[str, ...]] = ("none", "C2", "C3", "C4", "C5", "backbone")
    trains_head_first: ClassVar[bool] = True
    supports_closed_form: ClassVar[bool] = True
    report_sections: ClassVar[tuple[str, ...]] = (
        "rules",
        "explain",
        "robustness",
        "interventions",
        "adversarial",
    )
    supports_preview: ClassVar[bool] = True
    help_words: ClassVar[Mapping[str, str]] = {
        "sources": "a folder, a file or tfds:NAME[:split]",
        "weights": "auto|imagenet|random|PATH",
        "about_weights": "auto: ImageNet, or random with a warning if unavailable; or a file: backbone weights, or the "
        "model.keras of an earlier run",
        "about_freeze": "backbone: train the head only; auto: by backbone and device, after a first phase that trains "
        "the head only",
        "plan": "backbone:20,C3:10 or closed_form,C3:10, which computes the head first",
        "later": "a tenth, half with --adapt; the same with --backbone-rate",
        "default_minutes": "10 for the whole of the demo images, else no limit",
    }

    def backbones(self) -> Mapping[str, str]:
        import zoo

        lines = {}
        for row in zoo.rows():
            levels = "P3 P4 P5" if row.levels else "classification only"
            cached = "cached" if row.cached else "downloaded when used"
            size = f"{row.params_millions:>8.2f} M{row.default_size:>8} px"
            lines[row.name] = f"{size}   {levels:<20}ImageNet weights {cached}"
        return lines

    def check(self, spec: TrainSpec[ImageFlags], task: Task) -> None:
        from cityzoo.outputs.classification import Classification

        run, flags = spec.run, spec.modality
        settings.check_backbone(run.backbone)
        settings.check_size(run.backbone, flags.image_size)
        if flags.adversarial and not issubclass(task.output, Classification):
            raise InputError("--adversarial supports classifiers of images: remove it")
        if flags.delta and flags.adapt:
            raise InputError("--delta contains the adaptation method: remove --adapt")
        if flags.delta and not Path(flags.delta).is_file():
            raise InputError(f"--delta '{flags.delta}' does not exist: give the delta.npz of an --adapt run")
        settings.check_weights(run.backbone, run.weights)

    def read(self, spec: TrainSpec[ImageFlags], task: Task) -> Dataset:
        return reading.read(spec, task)

    def read_to_evaluate(
        self, spec: TrainSpec[ImageFlags], task: Task, class_names: Sequence[str], flags: Mapping[str, Any]
    ) -> tuple[ImageSet, Any]:
        return reading.read_to_evaluate(spec, task, class_names, flags)

    def read_unlabelled(self, path: str, flags: Mapping[str, Any]) -> ImageSet:
        return load_images(path, labels=flags["bad_boxes"], limit=flags["limit"])

    def is_unlabelled(self, path: str) -> bool:
        return reading.is_unlabelled(path)

    def fingerprint(self, data: Dataset) -> list[Any]:
        return [
            (e.path, e.window_xyxy, e.boxes_xyxy.tolist(), e.labels.tolist(), str(e.target))
            for side in (data.train, data.val)
            for e in side.examples
        ]

    def data_names(self, examples: ImageSet) -> Names:
        return {"classes": examples.data_class_names or examples.class_names}

    def named_labels(self, examples: ImageSet, source: str) -> Iterable[tuple[str, bytes]]:
        return reading.named_labels(examples, source)

    def resolve(self, spec: TrainSpec[ImageFlags], data: Dataset) -> ImageFlags:
        return settings.resolve_flags(spec, data)

    def settings_of_epochs(self, spec: TrainSpec[ImageFlags], epochs: int) -> dict[str, Any]:
        return {"layer_decay": settings.layer_decay(spec, epochs)}

    def default_freeze(self, spec: TrainSpec[ImageFlags]) -> str:
        return settings.default_freeze(spec)

    def build(self, spec: Spec, output: Output, data: Dataset) -> AssembledModel:
        from cityzoo.modalities.image import build

        return build.build(spec, output, data)

    def class_names(self, model: keras.Model) -> tuple[str, ...]:
        from cityzoo.model import class_names

        return class_names(model)

    def size_hw(self, spec: Spec) -> tuple[int, int]:
        return spec.modality.image_size

    def training_spec(self, spec: Spec) -> Spec:
        return spec.replace(image_size=settings.training_size(spec.modality), train_scale=1.0)

    def dtype_policies(self, spec: TrainSpec[ImageFlags]) -> tuple[str, str]:
        return settings.dtype_policies(spec)

    def freeze(self, assembled: AssembledModel, spec: Spec, stage: str) -> None:
        stage = "backbone" if stage == CLOSED_FORM else stage
        if hasattr(assembled.backbone, "adaptation"):
            zoo.freeze_base(assembled.backbone, stage)
        else:
            zoo.freeze(assembled.backbone, stage, batchnorm=spec.modality.batchnorm == "frozen")

    def stage_of_layers(self, backbone: keras.Model) -> Mapping[str, str]:
        return zoo.stage_of_layers(backbone)

    def layer_decay(self, spec: Spec) -> float:
        return spec.modality.layer_decay

    def backbone_rate(self, spec: TrainSpec[ImageFlags]) -> float:
        return settings.backbone_rate(spec)

    def prefix(self, backbone: keras.Model, stage: str) -> keras.Model | None:
        last = list(zoo.stages(backbone))[-1]
        return zoo.prefix(backbone, last if stage == "backbone" else stage)

    def views(self, spec: Spec, output: Output, data: Dataset) -> tuple[AugmentedViews, AugmentedViews]:
        from cityzoo.modalities.image import build

        return build.make_views(spec, output, data)

    def unlabelled_views(self, spec: Spec, output: Output, folder: Path) -> Any | None:
        from cityzoo.modalities.image import unlabelled

        return unlabelled.make_views(spec, output, self, folder)

    def count_unlabelled(self, spec: TrainSpec[ImageFlags]) -> int:
        folder = spec.modality.unlabelled
        return len(images_under(Path(folder))) if folder and Path(folder).is_dir() else 0

    def views_shown(self, spec: Spec, stage: str) -> int | None:
        return None if stage == "none" else spec.modality.views or None

    def training_batches(
        self,
        assembled: AssembledModel,
        views: AugmentedViews,
        spec: Spec,
        first: int,
        last: int,
        shown: int | None,
        shard: Shard,
    ) -> Iterable[Any]:
        import tensorflow as tf

        unmixed_from = None if shown is None else shown - 1
        if shown is None:
            epochs = sum(phase.epochs for phase in spec.plan)
            mix_until = augment.get_policy(spec.modality.augment).mix_until
            unmixed_from = settings.first_unmixed_epoch(epochs, mix_until)
        batch_size = spec.fit.batch_size
        rows = shuffled(len(views), batch_size, spec.run.seed, first, last, shown)
        triples = views.batches(*shard(rows, batch_size), unmixed_from=unmixed_from)
        cast = tf.autograph.experimental.do_not_convert(lambda x, y, matrix: (tf.cast(x, tf.float32), y))
        return triples.map(cast).prefetch(tf.data.AUTOTUNE)

    def examples_of_step(
        self,
        assembled: AssembledModel,
        views: AugmentedViews,
        spec: Spec,
        epoch: int,
        step: int,
        shown: int | None,
    ) -> list[tuple[str, int]]:
        size = spec.fit.batch_size
        rows = shuffled(len(views), size, spec.run.seed, epoch, epoch + 1, shown)
        chosen = islice(rows(), step * size, (step + 1) * size)
        return [(views.examples.examples[row].name, view) for row, view in chosen]

    def predict_views(self, model: keras.Model, views: AugmentedViews, batch_size: int) -> list[Any]:
        from cityzoo import predict

        return predict.predict_views(model, views, batch_size)

    def predict(self, model: keras.Model, examples: ImageSet, output: Output) -> list[Any]:
        from cityzoo import predict

        return predict.predict_all(model, examples, output)

    def identify(self, examples: ImageSet) -> list[Any]:
        found = [(e, Path(e.path).absolute(), Path(e.path).stat()) for e in examples.examples]
        return [(str(path), stat.st_size, stat.st_mtime_ns, e.window_xyxy) for e, path, stat in found]

    def reorder_labels(self, examples: ImageSet, class_names: Sequence[str]) -> ImageSet:
        return reading.reorder_labels(examples, class_names)

    def input_signals(self, examples: ImageSet, row: int) -> dict[str, list[float]]:
        return reading.measure_example(examples.examples[row])


IMAGE = Image()
