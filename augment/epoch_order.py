"""Order of images and views in training, as iterators that can reproduce any epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

View = tuple[int, int]  # row of the image, number of the view
Rows = Callable[[], Iterator[View]]


def sequential_order(count: int, views: int = 1) -> Rows:
    """Return every image once per view, view by view.

    Example:
        >>> list(sequential_order(2, views=2)())
        [(0, 0), (1, 0), (0, 1), (1, 1)]
    """
    return lambda: ((row, view) for view in range(views) for row in range(count))


def shuffled(
    count: int, batch_size: int, seed: int, first_epoch: int, epochs: int, views: int | None
) -> Rows:
    """Return the images of some epochs, each shuffled differently, in full batches only.

    Args:
        count: number of images.
        batch_size: the last incomplete batch of an epoch is dropped.
        seed: seed of the run.
        first_epoch: number of the first epoch, counted from 0 over the whole run.
        epochs: number after the last epoch.
        views: epoch e shows view e modulo this; None: view e, always a new one.

    Example:
        >>> rows = list(shuffled(4, 1, seed=0, first_epoch=0, epochs=2, views=1)())
        >>> sorted(rows[:4]), rows[:4] == rows[4:]
        ([(0, 0), (1, 0), (2, 0), (3, 0)], False)
        >>> list(shuffled(4, 1, 0, 1, 2, 1)()) == rows[4:]  # resuming at epoch 1 gives the same images
        True
    """

    def rows() -> Iterator[View]:
        for epoch in range(first_epoch, epochs):
            order = np.random.default_rng((seed, epoch)).permutation(count)
            view = epoch if views is None else epoch % views
            for row in order[: count // batch_size * batch_size]:
                yield int(row), view

    return rows


def sharded(rows: Rows, batch_size: int, index: int, count: int) -> Rows:
    """Return the rows that one of several hosts reads: its part of every batch.

    Args:
        rows: rows of all hosts.
        batch_size: batch size over all hosts.
        index: index of this host.
        count: number of hosts.

    Raises:
        ValueError: a batch cannot be split evenly, or invalid index.

    Example:
        >>> [list(sharded(sequential_order(5), 4, host, 2)()) for host in (0, 1)]
        [[(0, 0), (2, 0), (4, 0)], [(1, 0), (3, 0)]]
    """
    if not 0 <= index < count or batch_size % count:
        raise ValueError(
            f"host {index} of {count} with batches of {batch_size}: "
            "hosts are numbered from 0, and the batch size must be a multiple of their number"
        )

    def own() -> Iterator[View]:
        for position, row in enumerate(rows()):
            if position % batch_size % count == index:
                yield row

    return own
