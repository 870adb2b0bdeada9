"""Model soups: the mean of the weights of several runs, or of one run's checkpoints (Wortsman et al. 2022, ICML)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo.errors import InputError
from cityzoo.evaluation.compare import better_when_lower
from cityzoo.evaluation.evaluated_run import EvaluatedRun
from cityzoo.fuse.ensemble import Fused
from cityzoo.fuse.members import find_stranger
from cityzoo.modalities import Dataset
from cityzoo.model import load

if TYPE_CHECKING:
    import keras

LOG = logging.getLogger(__name__)
STATISTICS_EXAMPLES = 200  # training examples that BatchNormalization's statistics come from
Arrays = list[np.ndarray]


class Ingredient(NamedTuple):
    """Weights that may go into a soup.

    Attributes:
        name: of their run or checkpoint.
        weights: of all layers, in the model's order.
    """

    name: str
    weights: Arrays


def find_ingredients(members: Sequence[EvaluatedRun]) -> list[Ingredient]:
    """Return the best weights of each run; of a single run those of its last epochs as well.

    Raises:
        InputError: runs of different architecture, or a single run with nothing but its best epoch.
    """
    if other := find_stranger(members):
        raise InputError(
            f"'{members[0].path}' ({members[0].spec.run.backbone}) and '{other.path}' ({other.spec.run.backbone}) are "
            "of different architecture: a soup averages weights; use --by ensemble"
        )
    found = [Ingredient(run.path, run.model.get_weights()) for run in members]
    if len(members) > 1:
        return found
    (run,) = members
    for file in (*sorted(run.folder.epochs.glob("*.keras")), run.folder.last):
        if not file.is_file():
            continue
        weights = load(file).get_weights()
        if not any(_are_equal(weights, each.weights) for each in found):
            found.append(Ingredient(str(file), weights))
    if len(found) < 2:
        raise InputError(
            f"'{run.path}' keeps one set of weights: give several runs, or train it with --keep-epochs 5"
        )
    return found


def _are_equal(one: Arrays, other: Arrays) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@dataclass
class Soup:
    """Averages weights and measures the result.

    Attributes:
        first: a run, whose model is changed.
        data: training examples for the statistics of BatchNormalization.
        choose: held-out examples that ingredients are chosen on.
        ingredients: what may go into the soup.
    """

    first: EvaluatedRun
    data: Dataset
    choose: Any
    ingredients: Sequence[Ingredient]

    def make(self, how: str) -> Fused:
        """Return the soup of all ingredients ("uniform"), or of those that improve it ("greedy").

        The greedy soup starts with the best ingredient; the others follow in the order of their metric, each kept if
        the soup is at least as good with it (Wortsman et al. 2022, recipe 1).
        """
        count, metric = len(self.ingredients), self.first.task.monitor
        every = list(range(count))
        if how == "uniform":
            self._set_mean(every)
            return Fused(self.first.model, {"soup": how}, tuple([1 / count] * count))
        alone = [self._score([place]) for place in every]
        order = sorted(every, key=lambda place: -alone[place])
        kept, best = [order[0]], alone[order[0]]
        for place in order[1:]:
            score = self._score([*kept, place])
            LOG.info(
                "with %s: %s %.4f, before %.4f", self.ingredients[place].name, metric, abs(score), abs(best)
            )
            if score >= best:
                kept, best = [*kept, place], score
        uniform = self._score(every)
        self._set_mean(kept)
        choice = {
            "soup": how,
            "metric": metric,
            "alone": {each.name: abs(value) for each, value in zip(self.ingredients, alone, strict=True)},
            "greedy": abs(best),
            "uniform": abs(uniform),
        }
        return Fused(
            self.first.model, choice, tuple(1 / len(kept) if place in kept else 0.0 for place in every)
        )

    def _score(self, places: Sequence[int]) -> float:
        self._set_mean(places)
        run = self.first
        results = run.task.modality.predict(run.model, self.choose, run.output)
        value = run.output.metrics(self.choose, results).get(run.task.monitor)
        sign = -1 if better_when_lower(run.task.monitor, run.output.lower_is_better) else 1
        return -np.inf if value is None else sign * float(value)

    def _set_mean(self, places: Sequence[int]) -> None:
        chosen = [self.ingredients[place].weights for place in places]
        model = self.first.model
        model.set_weights(mean_weights(chosen))
        moving = moving_batchnorms(model, [each.weights for each in self.ingredients])
        if moving and len(places) > 1:
            recompute_statistics(model, moving, self._batches)

    @cached_property
    def _batches(self) -> list[Any]:
        run, modality = self.first, self.first.task.modality
        spec: Any = run.spec
        views = modality.views(spec, run.output, self.data)[0]
        size = spec.fit.batch_size
        count = max(1, min(STATISTICS_EXAMPLES, len(views)) // size)
        unused: Any = None  # what only series need, which have no BatchNormalization
        epochs = -(-count * size // max(1, len(views)))
        pairs = modality.training_batches(
            unused, views, spec, 0, epochs, None, lambda rows, batch: (rows, batch)
        )
        return [inputs for inputs, *_ in islice(pairs, count)]


def mean_weights(weights: Sequence[Arrays]) -> Arrays:
    """Return the mean of each array over several models; whole numbers, such as seeds, are the first's.

    Example:
        >>> one, two = [np.array([1.0, 3.0], "float32"), np.array(7)], [np.array([3.0, 3.0], "float32"), np.array(9)]
        >>> [array.tolist() for array in mean_weights([one, two])]
        [[2.0, 3.0], 7]
    """
    return [
        np.mean(arrays, axis=0, dtype=np.float64).astype(arrays[0].dtype)
        if arrays[0].dtype.kind == "f"
        else arrays[0]
        for arrays in zip(*weights, strict=True)
    ]


def moving_batchnorms(model: keras.Model, weights: Sequence[Arrays]) -> list[Any]:
    """Return the BatchNormalization layers whose statistics differ between models: frozen ones are alike in all.

    Args:
        model: with these layers.
        weights: of several models of this architecture, in its order.
    """
    import keras

    place = {id(variable): number for number, variable in enumerate(model.weights)}
    found = []
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.BatchNormalization):
            rows = [[each[place[id(v)]] for v in layer.non_trainable_variables[-2:]] for each in weights]
            if not all(_are_equal(rows[0], row) for row in rows[1:]):
                found.append(layer)
    return found


def recompute_statistics(model: keras.Model, layers: Sequence[Any], batches: Sequence[Any]) -> None:
    """Set moving means and variances to the mean of those of some batches (Izmailov et al. 2018, arXiv 1803.05407).

    Averaged kernels have never met the statistics of their members.

    Args:
        model: whose statistics are wrong.
        layers: its BatchNormalization layers to correct.
        batches: inputs.

    Example:
        >>> import keras
        >>> x = keras.Input((1,))
        >>> layer = keras.layers.BatchNormalization()
        >>> model = keras.Model(x, layer(x))
        >>> recompute_statistics(model, [layer], [np.array([[0.0], [2.0]]), np.array([[4.0], [8.0]])])
        >>> layer.moving_mean.numpy().tolist(), layer.moving_variance.numpy().tolist()
        ([3.5], [2.5])
    """
    import keras

    momenta = [layer.momentum for layer in layers]
    others = [
        layer
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.BatchNormalization) and layer not in layers and layer.trainable
    ]
    for layer in others:
        layer.trainable = False  # a frozen one runs as in inference
    for number, inputs in enumerate(batches):
        for layer in layers:
            layer.trainable, layer.momentum = True, number / (number + 1)
        model(inputs, training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    for layer in others:
        layer.trainable = True
