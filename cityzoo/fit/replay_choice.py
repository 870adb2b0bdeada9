"""Choose the examples of earlier runs that are replayed: some of each class, spread over what the model sees."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cityzoo.fit import replay_memory
from cityzoo.fit.fold_data import class_counts
from cityzoo.fit.replay_memory import Forgotten, MemorySource

if TYPE_CHECKING:
    from cityzoo.modalities import Modality

LOG = logging.getLogger(__name__)
MOST = 4000  # candidates that are looked at, evenly spread
LEAST_KEPT = 500  # examples of a memory whose size is not given
KEPT_PER_CLASS = 15  # 13 a class kept 150 intents within 3 points of training again, 3 a class did not


class Candidates(NamedTuple):
    """Examples of one source, and the names under which a memory keeps them."""

    examples: Any
    names: list[str]


Pick = Callable[[Any], np.ndarray]  # examples -> rows of those that are kept


def read_candidates(
    source: MemorySource, modality: Modality[Any], is_new: bool, forgotten: Sequence[Forgotten] = ()
) -> tuple[Candidates, Candidates]:
    """Return the training and the validation examples of a source that may be kept.

    Args:
        source: of a memory.
        modality: of the examples.
        is_new: whether all examples are candidates, else those which the memory kept already.
        forgotten: what may not be kept.

    Raises:
        InputError: examples that are gone.
    """
    _, data = source.read()
    found = []
    for examples, kept in ((data.train, source.train), (data.val, source.val)):
        names = replay_memory.names_of(modality, examples, source.data)
        rows = list(range(len(names))) if is_new else replay_memory.find_rows(names, source, kept)
        rows = [row for row in rows if not replay_memory.is_forgotten(source, names[row], forgotten)]
        found.append(Candidates(modality.select(examples, rows), [names[row] for row in rows]))
    return found[0], found[1]


def keep(
    sides: Sequence[Candidates], modality: Modality[Any], class_names: tuple[str, ...], pick: Pick
) -> tuple[Any, list[list[str]]]:
    """Keep some of the candidates of several sources.

    Args:
        sides: candidates of each source.
        modality: of the examples.
        class_names: that the labels of the kept examples point to.
        pick: chooses among the joined candidates.

    Returns:
        The kept examples in one set, and their names by source.
    """
    joined = modality.join([modality.reorder_labels(each.examples, class_names) for each in sides])
    rows = np.sort(pick(joined))
    ends = np.cumsum([0, *(len(each.names) for each in sides)])
    names = [
        [each.names[row - start] for row in rows[(rows >= start) & (rows < end)]]
        for each, start, end in zip(sides, ends, ends[1:], strict=False)
    ]
    return modality.select(joined, rows.tolist()), names


def memory_size(wanted: int | None, num_classes: int) -> int:
    """Return how many examples a memory keeps: as many as are wanted, None: by the number of classes.

    Example:
        >>> memory_size(None, 5), memory_size(None, 150), memory_size(80, 150)
        (500, 2250, 80)
    """
    return max(LEAST_KEPT, KEPT_PER_CLASS * num_classes) if wanted is None else wanted


def pick_evenly(count: int, most: int, seed: int) -> np.ndarray:
    """Return at most so many rows of `count`, drawn without replacement, (M,) int64 in order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def pick_covering(
    examples: Any, embed: Callable[[Any], np.ndarray] | None, most: int, seed: int, modality: Modality[Any]
) -> np.ndarray:
    """Return at most so many rows: as many of each class as there are, spread over the features.

    An example counts for the rarest of its classes. Of each class, the examples nearest to the centers of k-means
    clusters are kept, one a cluster.

    Args:
        examples: N labeled examples.
        embed: returns the features of examples, (N, D) float32; None: they are drawn at random.
        most: examples to keep.
        seed: of the choice.
        modality: of the examples.
    """
    rows = pick_evenly(len(examples), max(MOST, most), seed)
    if len(rows) <= most:
        return rows
    some = modality.select(examples, rows.tolist())
    classes = _rarest_class(class_counts(some) > 0)
    quotas = share_out(np.bincount(classes), most)
    features = embed(some) if embed else None
    chosen = []
    for number, quota in enumerate(quotas):
        own = np.flatnonzero(classes == number)
        if features is None or quota in (0, len(own)):
            chosen.append(own[pick_evenly(len(own), quota, seed)])
        else:
            chosen.append(own[_near_centers(features[own], int(quota), seed)])
    return rows[np.concatenate(chosen)]


def _rarest_class(present: np.ndarray) -> np.ndarray:
    """Return the class of each example that the fewest examples have, (N,); 0 for those without any."""
    order = np.argsort(present.sum(axis=0), kind="stable")
    return np.where(
        present.any(axis=1), order[np.argmax(present[:, order], axis=1)], order[-1] if len(order) else 0
    )


def share_out(counts: np.ndarray, most: int) -> np.ndarray:
    """Return how many of each class are kept: alike, and what rare classes lack goes to the others.

    Example:
        >>> share_out(np.array([3, 50, 0, 40]), 23).tolist()
        [3, 10, 0, 10]
    """
    quotas = np.zeros(len(counts), int)
    while (left := most - quotas.sum()) > 0 and (quotas < counts).any():
        open_classes = np.flatnonzero(quotas < counts)[:left]
        step = max(left // len(open_classes), 1)
        quotas[open_classes] = np.minimum(quotas[open_classes] + step, counts[open_classes])
    return quotas


def _near_centers(features: np.ndarray, count: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    found = KMeans(count, n_init=1, max_iter=20, random_state=seed).fit(features)
    distance = np.linalg.norm(features - found.cluster_centers_[found.labels_], axis=1)
    order = np.argsort(distance, kind="stable")
    _, first = np.unique(found.labels_[order], return_index=True)
    return order[first]
