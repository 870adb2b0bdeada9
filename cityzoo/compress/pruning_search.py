"""Cut a model down to a share of its latency or parameters, by measuring real, smaller models."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from itertools import chain
from typing import Any

import keras
import numpy as np

from cityzoo.compress.latency_ratio import compare_speed
from cityzoo.compress.pruning_request import PruningRequest
from cityzoo.errors import InputError
from cityzoo.model import PRUNED
from zoo.pruning import cut, importance
from zoo.pruning.channels import Channels, group_channels, trace_channels
from zoo.pruning.reconstruction import reconstruct

LOG = logging.getLogger(__name__)
FINENESS = 64  # the number of removed channels is found up to this part of all that can be
TOLERANCE = 1.02  # of a second measurement
IMAGES = 32  # to refit layers on


def cut_to_share(
    request: PruningRequest,
    original: keras.Model,
    model: keras.Model,
    share: float,
    loss: keras.losses.Loss,
    batches: Iterable[tuple[Any, Any]],
) -> tuple[keras.Model, dict[str, Any]]:
    """Return a smaller model and what a report says of it.

    Args:
        request: the kind of target and of importance.
        original: the model that the target is a share of.
        model: the model to cut, the same or one that was cut before.
        share: the target.
        loss: of training.
        batches: training examples, (inputs, targets).

    Raises:
        InputError: nothing can be cut, or the target cannot be reached.
    """
    started, channels, examples = time.perf_counter(), trace_channels(model), iter(batches)
    groups = group_channels(model, channels)
    first = next(examples)
    scores = _score(request.importance, model, channels, loss, chain([first], examples))
    steps = importance.removal_steps(
        groups, scores, "operations" if request.by == "latency" else "parameters"
    )
    if not steps:
        raise InputError(
            f"model '{model.name}' has no group of 16 or more channels that can be cut "
            f"({'; '.join(channels.reasons[-3:])}): train a smaller --backbone instead"
        )
    search = Search(original, model, channels, steps, request.by)
    smaller, keep = search.find(share)
    difference = cut.largest_difference(model, smaller, channels, keep)
    if not difference <= cut.TOLERANCE:
        raise InputError(
            f"the smaller model differs by {difference:.1e} from '{model.name}' with the same channels masked, so it "
            "was not saved: please report this"
        )
    reconstruct(model, smaller, channels, keep, np.asarray(first[0])[:IMAGES])
    smaller.name = model.name.removesuffix(PRUNED) + PRUNED
    facts = search.measure(smaller, keep) | {"masked_difference": difference}
    return smaller, facts | {"seconds": round(time.perf_counter() - started, 1)}


def _score(
    kind: str, model: keras.Model, channels: Channels, loss: Any, batches: Iterable[Any]
) -> np.ndarray:
    LOG.info("importance of channels: %s", kind)
    if kind == "taylor":
        return importance.taylor(model, channels, loss, batches)
    functions = {"l1": importance.kernel_norms, "batchnorm": importance.batchnorm_scales}
    return functions[kind](model, channels)


class Search:
    """Find the fewest channels to remove for a target, by bisection with real, smaller models."""

    def __init__(
        self, original: keras.Model, model: keras.Model, channels: Channels, steps: list[np.ndarray], by: str
    ) -> None:
        self.original, self.model, self.channels, self.steps, self.by = original, model, channels, steps, by

    def find(self, share: float) -> tuple[keras.Model, np.ndarray]:
        """Return the smaller model and which channels it keeps."""
        low, high = 0, len(self.steps)
        best, keep, least = self._try(high)
        if least > share:
            raise InputError(
                f"--target-{self.by} {share:.2g}x cannot be reached: {least:.2f}x is left if every group keeps its "
                "least share; give a higher target or more --rounds"
            )
        while high - low > max(1, len(self.steps) // FINENESS):
            middle = (low + high) // 2
            smaller, kept, reached = self._try(middle)
            if reached <= share:
                best, keep, high = smaller, kept, middle
            else:
                low = middle
        while high < len(self.steps) and self._share(best) > share * TOLERANCE:  # a lucky measurement
            high = min(high + -(-len(self.steps) // FINENESS), len(self.steps))
            best, keep, _ = self._try(high)
        return best, keep

    def _try(self, count: int) -> tuple[keras.Model, np.ndarray, float]:
        keep = np.ones(self.channels.count, bool)
        keep[np.concatenate(self.steps[:count])] = False
        smaller = cut.cut(self.model, self.channels, keep)
        reached = self._share(smaller)
        LOG.info("%d of %d steps: %.2fx %s", count, len(self.steps), reached, self.by)
        return smaller, keep, reached

    def _share(self, smaller: keras.Model) -> float:
        if self.by == "parameters":
            return smaller.count_params() / self.original.count_params()
        return compare_speed(self.original, smaller).ratio

    def measure(self, smaller: keras.Model, keep: np.ndarray) -> dict[str, Any]:
        """Return what a report says of the cut."""
        speed = compare_speed(self.original, smaller)
        LOG.info(
            "kept %d of %d channels: parameters %s -> %s, latency %.1f -> %.1f ms (%.2fx)",
            *(keep.sum(), len(keep), f"{self.original.count_params():,}", f"{smaller.count_params():,}"),
            *(speed.first_ms, speed.second_ms, speed.ratio),
        )
        return {
            "channels": [len(keep), int(keep.sum())],
            "parameters": [self.original.count_params(), smaller.count_params()],
            "latency_ms": [speed.first_ms, speed.second_ms],
            "latency_share": round(speed.ratio, 3),
        }
