"""Allocate the ranks of AdaLoRA in training: remove the least important triplets (Zhang et al. 2023)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.peft.adapt import adaptation_of
from zoo.peft.low_rank import AdaLora
from zoo.peft.rewrite import array_of

WARM_UP, LAST = 0.1, 0.3  # shares of the steps before the first and after the last removal
ROUNDS = 100  # updates of the importance
MEMORY = 0.85  # weight of the previous importance in each update


def rank_allocation(backbone: keras.Model, steps: int) -> list[keras.callbacks.Callback]:
    """Return the callbacks for `fit` that an adapted backbone needs: one for AdaLoRA, none for other methods.

    Args:
        backbone: a backbone from `adapt`.
        steps: optimizer steps of the whole phase from its first epoch, also if resumed.

    Raises:
        ValueError: not adapted, or no steps.
    """
    way = adaptation_of(backbone).way
    if steps < 1:
        raise ValueError(f"rank_allocation: steps must be at least 1, got {steps}")
    return [RankAllocation(way, backbone.adaptation.layers, steps)] if isinstance(way, AdaLora) else []


class RankAllocation(keras.callbacks.Callback):
    """Remove the least important triplets until the budget is met.

    The budget falls from all triplets to the method's along a cubic curve (the paper's equation 12) between 10 % and
    70 % of the steps. Until then a removed triplet has lambda set to zero and may come back; at the end it is masked
    permanently.

    The importance of a weight is |w * gradient| (equation 8). `fit` does not expose the gradient, but the optimizer's
    momentum is its moving average. A triplet's importance is that of lambda plus the means over its column of P and
    row of Q (equation 9), smoothed over the updates; the paper's uncertainty factor is omitted, since the momentum is
    already an average. Without momentum the importance is |lambda|, the paper's simpler alternative.

    All state is in variables of the model and the optimizer: a resumed training continues identically.
    """

    def __init__(self, way: AdaLora, layers: list[keras.Layer], steps: int) -> None:
        """Set the layers with triplets and the steps of the phase."""
        super().__init__()
        self.layers, self.steps = layers, steps
        self.total, self.target = sum(layer.triplets for layer in layers), way.budget(layers)
        self.every = max(1, steps // ROUNDS)
        self.first_step, self.done = 0, False

    def budget(self, step: int) -> int:
        """Return the number of triplets after a step."""
        begin, end = self.steps * WARM_UP, self.steps * (1 - LAST)
        left = 1 - min(max((step - begin) / max(end - begin, 1), 0), 1)
        return self.target + round((self.total - self.target) * left**3)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Check whether an earlier phase has met the budget."""
        self.done = self.living() <= self.target

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Remember the first step of the epoch."""
        self.first_step = int(array_of(self.model.optimizer.iterations))

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Update the importances at regular intervals and remove triplets beyond the budget."""
        step = self.first_step + batch + 1
        last = step >= self.steps * (1 - LAST)
        if self.done or (step % self.every and not last):
            return
        if hasattr(self.model, "jax_state_sync"):  # on JAX, fit keeps the values of the variables outside
            self.model.jax_state_sync()
        self.update_importance()
        self.prune(self.budget(step), for_good=last)

    def living(self) -> int:
        """Return how many triplets are not masked."""
        return int(sum(np.sum(array_of(layer.svd_alive)) for layer in self.layers))

    def update_importance(self) -> None:
        """Update the importance of every triplet."""
        momenta = {v.name: v for v in self.model.optimizer.variables if v.name.endswith("_momentum")}
        for layer in self.layers:
            now = sum(_importance(weight, momenta) for weight in (layer.svd_lambda, layer.svd_p, layer.svd_q))
            layer.svd_importance.assign(MEMORY * array_of(layer.svd_importance) + (1 - MEMORY) * now)

    def prune(self, budget: int, for_good: bool) -> None:
        """Keep the `budget` most important triplets of all layers together."""
        importance = np.concatenate([array_of(layer.svd_importance) for layer in self.layers])
        keep = np.zeros(self.total, np.float32)
        keep[np.argsort(-importance, kind="stable")[:budget]] = 1
        starts = np.cumsum([layer.triplets for layer in self.layers])[:-1]
        for layer, lives in zip(self.layers, np.split(keep, starts), strict=True):
            layer.svd_lambda.assign(array_of(layer.svd_lambda) * lives)
            if for_good:
                layer.svd_alive.assign(lives)
        self.done = for_good


def _importance(weight: keras.Variable, momenta: dict[str, Any]) -> np.ndarray:
    # One number per triplet: |w * m|, the mean over a column of P (its last axis) or a row of Q (its first).
    value, momentum = array_of(weight), momenta.get(f"{weight.path.replace('/', '_')}_momentum")
    if momentum is None:
        return np.abs(value) if value.ndim == 1 else np.zeros(1, np.float32)
    sensitivity = np.abs(value * array_of(momentum))
    if weight.name == "svd_q":
        return sensitivity.mean(axis=1)
    return sensitivity.reshape(-1, sensitivity.shape[-1]).mean(axis=0)
