"""Channels of a functional model that must be kept or removed together.

They are found as by the dependency graph of Fang et al. 2023, "DepGraph: Towards Any Structural Pruning" (arXiv
2301.12900), channel by channel: residual additions tie channels of several layers, depthwise convolutions their input
to their output, concatenations place channels side by side.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from zoo import graph
from zoo.pruning.channel_trace import Slot, Trace

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Channels:
    """The channels of a model, numbered from 0; coupled ones have one number.

    Attributes:
        count: how many there are.
        slots: the axes of weights that they index.
        widths: layer -> (key of its config, (n,) channels that it counts), such as "filters".
        fixed: (count,) bool, channels that must stay.
        reasons: why channels must stay, for each reason one example.
    """

    count: int
    slots: tuple[Slot, ...]
    widths: dict[str, tuple[str, np.ndarray]]
    fixed: np.ndarray
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Interchangeable channels: they index the same axes of the same weights.

    Attributes:
        layers: names of the layers that write these channels.
        channels: (n,) int.
        parameters: how many numbers one of them takes in all weights.
        operations: multiplications for one example that one of them takes.
    """

    layers: tuple[str, ...]
    channels: np.ndarray
    parameters: int
    operations: int


def trace_channels(model: keras.Model) -> Channels:
    """Return the channels of a functional model.

    Those of its inputs and outputs are fixed, and those that a layer without a rule reads or writes.

    Example:
        >>> import keras
        >>> x = keras.Input((8, 8, 3))
        >>> stem = keras.layers.Conv2D(4, 3, padding="same")(x)
        >>> sum_ = keras.layers.Add()([stem, keras.layers.Conv2D(4, 3, padding="same")(stem)])
        >>> model = keras.Model(x, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(sum_)))
        >>> found = trace_channels(model)
        >>> found.count, int(found.fixed.sum())  # 3 of the input, 2 of the output, 4 of both convolutions
        (9, 5)
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    trace = Trace()
    known = {id(tensor): trace.add(tensor.shape[-1] or 0) for tensor in model.inputs}
    trace.fixed += [(known[id(tensor)], "it is an input of the model") for tensor in model.inputs]
    for node in graph.nodes(model):
        found = trace.visit(node, [known[id(tensor)] for tensor in node.input_tensors])
        known.update({id(tensor): each for tensor, each in zip(node.outputs, found, strict=True)})
    trace.fixed += [(known[id(tensor)], "it is an output of the model") for tensor in model.outputs]
    first, second = np.concatenate([np.zeros((2, 0), int), *trace.pairs], axis=1)
    edges = coo_array((np.ones(len(first), bool), (first, second)), (trace.count, trace.count))
    count, label = connected_components(edges, directed=False)
    fixed = np.zeros(count, bool)
    reasons = []
    for channels, reason in trace.fixed:
        reasons += [] if fixed[label[channels]].all() else [reason]
        fixed[label[channels]] = True
    slots = tuple(replace(slot, channels=label[slot.channels]) for slot in trace.slots)
    widths = {layer: (key, label[channels]) for layer, (key, channels) in trace.widths.items()}
    return Channels(count, slots, widths, fixed, tuple(reasons))


def group_channels(model: keras.Model, channels: Channels) -> list[Group]:
    """Return the groups of channels that can be removed, in graph order."""
    shapes = {(layer.name, w.name): tuple(w.shape) for layer in model.layers for w in layer.weights}
    places: dict[int, list[int]] = defaultdict(list)
    for number, slot in enumerate(channels.slots):
        for channel in np.unique(slot.channels):
            places[channel].append(number)
    members: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for channel, numbers in places.items():
        if not channels.fixed[channel]:
            members[tuple(numbers)].append(channel)
    groups = []
    for signature, own in sorted(members.items()):
        slots = [channels.slots[number] for number in signature]
        # entries of the axis per channel are several behind a flattening
        sizes = [_size_per_channel(shapes[slot.layer, slot.weight], slot, own[0]) for slot in slots]
        writers = tuple(dict.fromkeys(slot.layer for slot in slots if not slot.reads))
        operations = sum(size * slot.positions for size, slot in zip(sizes, slots, strict=True))
        groups.append(Group(writers, np.array(own), sum(sizes), operations))
    return groups


def _size_per_channel(shape: tuple[int, ...], slot: Slot, channel: int) -> int:
    return int(np.prod(shape)) // shape[slot.axis] * int((slot.channels == channel).sum())
