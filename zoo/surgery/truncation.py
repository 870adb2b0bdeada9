"""End a backbone at an earlier stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo import feature_pyramid
from zoo.backbone import POOLED
from zoo.surgery.arguments import stage_name

if TYPE_CHECKING:
    import keras


def truncate(backbone: keras.Model, at: str) -> keras.Model:
    """Drop all layers after a stage, and their levels.

    Args:
        backbone: a functional backbone from `build`.
        at: the last stage to keep, "C3" .. "C5".

    Returns:
        The backbone with the levels up to there, which shares all its layers; a backbone with pooled output now
        pools the stage.

    Raises:
        ValueError: no such stage, or no level remains.

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
            f"truncating backbone '{backbone.name}' at {at} removes all levels "
            f"{', '.join(backbone.output)}: truncate at {finest.replace('P', 'C')} or later"
        )
    return keras.Model(backbone.inputs[0], outputs, name=backbone.name)
