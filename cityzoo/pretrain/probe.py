"""What a pretrained backbone is worth: a linear head on its frozen features, next to other starting weights."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cityzoo.errors import InputError
from cityzoo.outputs.classification import Classification

if TYPE_CHECKING:
    from cityzoo.selection.probe_data import ProbeData

LOG = logging.getLogger(__name__)
OWN = "pretrained"
PROBE_TASKS = {"image": "vehicle_classify", "text": "text_intent"}
SHOTS, DRAWS = 10, 10  # labeled examples of each class; random choices of them


@dataclass(frozen=True)
class Probe:
    """Labeled data that backbones are compared on.

    Attributes:
        data: as --data of train.py takes it.
        task: of train.py; it classifies images.
        backbone: the backbone.
        seed: of random weights and of the choice of few examples.
        limit: examples of each split, at most.
        kind: modality of the backbone, "image" or "text".
    """

    data: str
    task: str
    backbone: str
    seed: int = 0
    limit: int | None = None
    kind: str = "image"

    def _make_spec(self) -> Any:
        from cityzoo import tasks

        values = {"task": self.task, "data": self.data, "backbone": self.backbone, "seed": self.seed}
        return tasks.find(self.task).make_spec({**values, "limit": self.limit})

    def check(self) -> None:
        """Raise InputError if the task does not classify images."""
        from cityzoo import tasks

        task = tasks.find(self.task)
        if not issubclass(task.output, Classification) or task.modality.name != self.kind:
            raise InputError(
                f"--probe-task '{self.task}' does not classify {self.kind}s as a whole: give one that does, such as "
                f"{PROBE_TASKS[self.kind]}"
            )

    def compare(self, weights: Mapping[str, str]) -> dict[str, Any]:
        """Return how well a linear head does on the frozen features of backbones with different weights.

        Args:
            weights: as --weights of train.py takes them, by name; the last one is compared with the others.

        Returns:
            `metric`, `shots`, `n_train`, `n_val`, and `rows`: for each name the metric with all labels, `linear`, and
            the mean with few, `few`, over random choices of them; `_interval` of both, and `_lead` and `_lead_interval`
            of the last one. With all labels the intervals are by a bootstrap of the held-out examples, with few by
            Student's t over the choices.

        Raises:
            InputError: data or weights that cannot be used.
        """
        from cityzoo.fit import auto_settings, fine_tune
        from cityzoo.selection.probe_data import make_probe_data

        asked = self._make_spec()
        task, data, output = fine_tune.load_task_data(asked)
        classes = cast(Classification, output)
        sides: dict[str, tuple[ProbeData, ProbeData]] = {}
        for name, path in weights.items():
            fine_tune.seed_everything(self.seed)
            spec = auto_settings.resolve(asked.replace(weights=path), task, data, output)
            model = task.modality.build(spec, output, data).model
            LOG.info("features of the backbone with %s weights", name)
            train, val = (make_probe_data(task.modality, model, classes, s) for s in (data.train, data.val))
            sides[name] = train, val
        return summarize_probes(sides, output, task.modality, self.seed)


def summarize_probes(
    sides: Mapping[str, tuple[ProbeData, ProbeData]], output: Any, modality: Any, seed: int
) -> dict[str, Any]:
    """Return what `Probe.compare` does, of the features (train, val) of each backbone."""
    from cityzoo.evaluation.baselines import compare_results
    from cityzoo.selection.probe_data import fit_probe, predict_probe
    from cityzoo.tune.repeats import interval

    *others, own = sides
    truth = sides[own][1].examples
    results = {
        name: predict_probe(fit_probe(train.features, train.targets, output.several), output, val)
        for name, (train, val) in sides.items()
    }
    rows = compare_results(results, output, truth, modality.groups(truth), seed)
    metric = next(name for name in output.primary_metrics if name in rows[own])
    shots = min(SHOTS, int(sides[own][0].targets.sum(axis=0).min()))
    few = {name: _few_shot(*pair, output, metric, shots, seed) for name, pair in sides.items()}
    found = {}
    for name in (*others, own):
        row = {"linear": rows[name][metric], "linear_interval": [rows[name]["low"], rows[name]["high"]]}
        row |= {"few": float(few[name].mean()), "few_interval": interval(few[name].tolist())}
        if name != own:
            row |= {"linear_lead": rows[name]["lead"], "linear_lead_interval": rows[name]["lead_interval"]}
            leads = (few[own] - few[name]).tolist()
            row |= {"few_lead": float(np.mean(leads)), "few_lead_interval": interval(leads)}
        found[name] = row
    counts = {"n_train": len(sides[own][0]), "n_val": len(truth)}
    return {"metric": metric, "shots": shots, "choices": DRAWS, **counts, "rows": found}


def _few_shot(
    train: ProbeData, val: ProbeData, output: Any, metric: str, shots: int, seed: int
) -> np.ndarray:
    from cityzoo.selection.probe_data import fit_probe, predict_probe

    values = []
    for draw in range(DRAWS):
        rng = np.random.default_rng((seed, draw))
        rows = [rng.permutation(np.flatnonzero(column))[:shots] for column in train.targets.T]
        some = train.take(np.unique(np.concatenate(rows)))
        results = predict_probe(fit_probe(some.features, some.targets, output.several), output, val)
        values.append(float(output.metrics(val.examples, results)[metric]))
    return np.array(values)
