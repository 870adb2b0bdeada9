"""The rows of `train.py --list`: what there is to choose from, with nothing built or loaded."""

from __future__ import annotations

from dataclasses import dataclass

from zoo import registry
from zoo.pretrained import cached


@dataclass(frozen=True)
class Row:
    """One backbone in the list: parameters in millions without the classifier, sizes in pixels.

    `levels` says whether it gives P3, P4, P5 (False: classification only), `cached` whether its ImageNet
    weights lie in Keras' cache.
    """

    name: str
    params_millions: float
    default_size: int
    min_size: int
    levels: bool
    cached: bool


def rows() -> list[Row]:
    """Return a row for every backbone, in the order of the table.

    Example:
        >>> rows()[0].name, rows()[0].params_millions
        ('vgg16', 14.715)
    """
    return [
        Row(name, row.params_millions, row.default_size, row.min_size, row.has_levels, cached(name))
        for name, row in registry.BACKBONES.items()
    ]
