"""Let a backbone end earlier."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zoo import feature_pyramid
from zoo.backbone import POOLED
from zoo.surgery.arguments import stage_name

if TYPE_CHECKING:
    import keras


def truncate(backbone: keras.Model, at: str) -> keras.Model:
    """Drop everything behind a stage: its layers, and the levels that they made.

    Args:
        backbone: a functional backbone, as `build` makes it.
        at: the last stage to keep, "C3" .. "C5".

    Returns:
        The backbone with the levels up to there, all of whose layers it shares; one that returns its last
        feature map averaged now averages that of the stage.

    Raises:
        ValueError: no such stage, or no level is left.

    Example:
        >>> import zoo
        >>> backbone = zoo.build("mobilenet_025", 64, weights="random").model
        >>> short = truncate(backbone, "C4")
        >>> list(short.output), list(zoo.stages(short))
        (['P3', 'P4'], ['C1', 'C2', 'C3', 'C4'])
        >>> backbone.count_params(), short.count_params()
        (218544, 113200)
    """
    import keras

    cut = feature_pyramid.stage(backbone, stage_name(at))
    if POOLED in backbone.output:
        pool = backbone.get_layer(POOLED)
        outputs = {POOLED: type(pool).from_config(pool.get_config())(cut)}
    else:
        last = at.replace("C", "P")
        outputs = {level: tensor for level, tensor in backbone.output.items() if level <= last}
    if not outputs:
        finest = min(backbone.output)
        raise ValueError(
            f"truncating backbone '{backbone.name}' at {at} leaves none of its levels "
            f"{', '.join(backbone.output)}: truncate at {finest.replace('P', 'C')} or later"
        )
    return keras.Model(backbone.inputs[0], outputs, name=backbone.name)


def drop_tail(backbone: keras.Model) -> keras.Model:
    """Drop every output that is no level ("P3"), with the layers that only it needs.

    A functional model holds no layer that none of its outputs needs, so that what `build` returns has no tail:
    there this changes nothing. It is for models of other origin, such as a classifier whose levels were named.

    Args:
        backbone: a functional model with outputs by name.

    Raises:
        ValueError: none of its outputs is a level.

    Example:
        >>> import keras
        >>> images = keras.Input((32, 32, 3))
        >>> p3 = keras.layers.Conv2D(4, 1, strides=8)(images)
        >>> classes = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(p3))
        >>> classifier = keras.Model(images, {"P3": p3, "classes": classes})
        >>> classifier.count_params(), drop_tail(classifier).count_params()
        (66, 16)
    """
    import keras

    outputs = {name: tensor for name, tensor in backbone.output.items() if re.fullmatch(r"P\d", name)}
    if not outputs:
        raise ValueError(
            f"model '{backbone.name}' has outputs {', '.join(backbone.output)} and no level such as P3: "
            "name its levels, or keep it whole"
        )
    return keras.Model(backbone.inputs[0], outputs, name=backbone.name)
