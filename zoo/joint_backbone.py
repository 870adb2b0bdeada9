"""Two or more backbones side by side as one: their feature maps concatenated level by level, in one graph.

A name such as "mobilenet_075+mobilenet_025" is built like any other. Each level is one tensor that all later layers run
through, so that stages, freezing and cached features work as for a single backbone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo import graph, registry
from zoo.pretrained import KEYWORDS, Origin

if TYPE_CHECKING:
    import keras


def split_weights(name: str, weights: str | os.PathLike) -> list[str]:
    """Return the weights of each backbone of a joined one.

    Args:
        name: such as "a+b".
        weights: "auto", "imagenet" or "random" for all, or one for each: "a.h5+imagenet".

    Raises:
        ValueError: another number of weights than of backbones.

    Example:
        >>> split_weights("a+b", "random"), split_weights("a+b", "a.h5+imagenet")
        (['random', 'random'], ['a.h5', 'imagenet'])
    """
    names, text = registry.split_name(name), os.fspath(weights)
    if text in KEYWORDS:
        return [text] * len(names)
    found = text.split(registry.JOIN)
    if len(found) != len(names):
        raise ValueError(
            f"weights '{text}' for the {len(names)} backbones of '{name}': give one of {', '.join(KEYWORDS)}, or one "
            f"for each, e.g. {registry.JOIN.join(['FILE'] * len(names))}"
        )
    return found


def join_backbones(backbones: Sequence[keras.Model], name: str) -> keras.Model:
    """Return one backbone of the same input whose levels are those of several, concatenated by channel.

    Args:
        backbones: models with the same input and the same levels.
        name: of the model.

    Example:
        >>> import keras, zoo
        >>> parts = [zoo.build(name, 64, "random").model for name in ("mobilenet_025", "mobilenet_050")]
        >>> {level: tensor.shape[1:] for level, tensor in join_backbones(parts, "both").output.items()}
        {'P3': (8, 8, 192), 'P4': (4, 4, 384), 'P5': (2, 2, 768)}
    """
    import keras

    first = backbones[0].inputs[0]
    images = keras.Input(first.shape[1:], dtype=first.dtype, name=first.name)
    feeds: list[dict[int, Any]] = [{id(part.inputs[0]): images} for part in backbones]
    copies = [graph.copy_layers(f"{part.name}_") for part in backbones]
    outputs: dict[str, Any] = {}
    for level in backbones[0].output:
        found = []
        for part, feed, copy in zip(backbones, feeds, copies, strict=True):
            tensor = part.output[level]
            found.append(graph.run(part, [tensor], feed, copy)[id(tensor)])
        outputs[level] = joined = keras.layers.Concatenate(name=f"joined_{level}")(found)
        start = 0
        for part, feed, own in zip(backbones, feeds, found, strict=True):
            # What comes later reads its channels out of the joined level, which thereby lies on every path.
            width = own.shape[-1]
            feed.clear()
            feed[id(part.output[level])] = joined[..., start : start + width]
            start += width
    return keras.Model(images, outputs, name=name)


def join_origins(origins: Sequence[Origin]) -> Origin:
    """Return where the weights of joined backbones come from; "random" only if all are."""
    kinds = {origin.kind for origin in origins}
    kind = origins[0].kind if len(kinds) == 1 else "file"
    paths = registry.JOIN.join(origin.path or origin.kind for origin in origins)
    hashes = registry.JOIN.join(origin.sha256 or "" for origin in origins)
    return Origin(kind, paths, hashes, "; ".join(filter(None, (origin.note for origin in origins))))
