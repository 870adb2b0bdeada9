"""Points of the plane as a modality of their own."""

from dataclasses import dataclass

import numpy as np
from points_backbone import BACKBONES

from cityzoo.cli import flag
from cityzoo.cli.values import parse_number
from cityzoo.errors import unknown
from cityzoo.modalities import Modality


@dataclass(frozen=True)
class PointFlags:
    """Flags of tasks on points."""

    noise: float = flag(0.05, "standard deviation of the noise added to training points", parse_number, "N")


@dataclass(frozen=True)
class PointViews:
    """Points of one split as they come to the network."""

    examples: object
    output: object

    def __len__(self):
        return len(self.examples)

    def arrays(self):
        """Return all points and targets, (N, 2) and (N, C) float32."""
        points = self.examples.examples
        return np.stack([each.xy for each in points]), np.stack([each.target for each in points])


class PointModality(Modality[PointFlags]):
    """Points of the plane, x and y."""

    name = "point"
    unit = "points"
    flags = PointFlags

    def backbones(self):
        return {name: f"{width} units" for name, width in BACKBONES.items()}

    def check(self, spec, task):
        if spec.run.backbone not in BACKBONES:
            raise unknown("backbone of points", spec.run.backbone, BACKBONES)

    def read(self, spec, task):
        return task.read(spec.run.data, spec.reader, limit=spec.run.limit)

    def read_to_evaluate(self, spec, task, class_names, flags):
        found = task.read(flags["data"] or spec.run.data, spec.reader, limit=flags["limit"] or spec.run.limit)
        return found.val, found.findings

    def build(self, spec, output, data):
        import keras
        from points_backbone import build

        from cityzoo.model import AssembledModel, label_outputs

        backbone = build(spec.run.backbone)
        outputs = label_outputs(output.build_head(backbone.output), output.class_names)
        return AssembledModel(keras.Model(backbone.input, outputs, name="points"), backbone, None)

    def class_names(self, model):
        from cityzoo.model import class_names

        return class_names(model)

    def views(self, spec, output, data):
        return PointViews(data.train, output), PointViews(data.val, output)

    def training_batches(self, assembled, views, spec, first, last, shown, shard):
        import tensorflow as tf

        points, targets = views.arrays()
        size = spec.fit.batch_size

        def generate():
            for epoch in range(first, last):
                rng = np.random.default_rng((spec.run.seed, epoch))
                order = rng.permutation(len(points))
                moved = points + rng.normal(0, spec.modality.noise, points.shape).astype(np.float32)
                for start in range(0, len(order) - size + 1, size):
                    chosen = order[start : start + size]
                    yield moved[chosen], targets[chosen]

        signature = (tf.TensorSpec((None, 2)), tf.TensorSpec((None, targets.shape[1])))
        return tf.data.Dataset.from_generator(generate, output_signature=signature)

    def predict(self, model, examples, output):
        points, _ = PointViews(examples, output).arrays()
        return output.decode(np.asarray(model(points, training=False)), None, examples.examples)

    def identify(self, examples):
        return [(point.path, point.xy.tolist()) for point in examples.examples]

    def slices(self, examples, by):
        left = np.array([point.xy[0] < 0 for point in examples.examples])
        return {"side": {"left": left, "right": ~left}}


POINTS = PointModality()
