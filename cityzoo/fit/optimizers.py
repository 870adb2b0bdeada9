"""Optimizers by name, and learning rates by stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from cityzoo.errors import InputError, unknown
from cityzoo.fit.optimizer_classes import SGD, AdamW, Lion, LookaheadAdamW, LookaheadSGD, Muon
from cityzoo.spec import OPTIMIZERS

OUTPUT_LAYERS = ("logits", "distances")  # of heads; Muon is for the layers between input and output


def optimizer(
    name: str,
    schedule: keras.optimizers.schedules.LearningRateSchedule | float,
    *,
    weight_decay: float = 0.01,
    clip_norm: float | None = 10.0,
    rates: Mapping[str, float] | None = None,
    decays_vectors: bool = False,
    clips_each_variable: bool = False,
) -> keras.optimizers.Optimizer:
    """Return an optimizer with its whole state in `variables`, which can be made again from its config.

    Weight decay is decoupled (a step shrinks a weight by rate * decay); vectors and variables named bias, gamma, beta,
    scale or shift are not decayed. The moving average of weights is `cityzoo.fit.ema`.

    Args:
        name: one of `OPTIMIZERS`; "sgd" has a Nesterov momentum of 0.9, "lookahead:" synchronizes every 5 steps.
        schedule: learning rate by step, or one for all steps.
        weight_decay: 0 or more.
        clip_norm: largest norm of the gradient over all variables and devices; None: not clipped.
        rates: variable's path -> factor of its learning rate and decay; others have 1.
        decays_vectors: whether every variable is decayed.
        clips_each_variable: whether `clip_norm` limits each variable's gradient instead of all together.

    Raises:
        InputError: no such optimizer; in `build`: a rate for a variable that is not trained.

    Example:
        >>> weights = keras.Variable([[1.0, 2.0]], name="kernel")
        >>> sgd = optimizer("sgd", 0.1, weight_decay=0.5, rates={"kernel": 0.1})
        >>> sgd.apply([keras.ops.zeros((1, 2))], [weights])  # decay alone: 1 - 0.1 * 0.1 * 0.5
        >>> [round(float(weight), 3) for weight in weights[0]]
        [0.995, 1.99]
    """
    known: dict[str, Any] = {
        "adamw": AdamW,
        "lion": Lion,
        "lookahead:adamw": LookaheadAdamW,
    }
    clip = "clipnorm" if clips_each_variable else "global_clipnorm"
    settings: dict[str, Any] = {
        "weight_decay": weight_decay,
        clip: clip_norm,
        "rates": rates,
        "decays_vectors": decays_vectors,
    }
    if name in ("sgd", "lookahead:sgd"):
        kind = SGD if name == "sgd" else LookaheadSGD
        return kind(schedule, momentum=0.9, nesterov=True, **settings)
    if name == "muon":
        return Muon(schedule, exclude_layers=list(OUTPUT_LAYERS), **settings)
    if name not in known:
        raise unknown("optimizer", name, OPTIMIZERS)
    return known[name](schedule, **settings)


def stage_rates(
    of_layer: Mapping[str, str],
    backbone: keras.Model,
    model: keras.Model,
    decay: float,
    backbone_rate: float = 1.0,
) -> dict[str, float]:
    """Return a factor of the learning rate for every trainable variable: the deeper, the smaller.

    The head has 1, the last stage of the backbone `backbone_rate * decay`, the one before it
    `backbone_rate * decay ** 2`, and so on
    (Clark et al. 2020, "ELECTRA", arXiv 2003.10555, by layer there). Call it after freezing.

    Args:
        of_layer: stage of each of the backbone's layers; deeper stages sort first.
        backbone: the backbone.
        model: the trained model, whole or the part behind a cut; it shares layers with `backbone`.
        decay: above 0, at most 1; 1 makes all rates of the backbone equal.
        backbone_rate: factor of all layers of the backbone, above 0, at most 1.

    Returns:
        variable's path -> factor, for `optimizer`.

    Raises:
        InputError: a decay out of range.

    Example:
        >>> import zoo
        >>> images = x = keras.Input((32, 32, 3))
        >>> for number in range(1, 6):
        ...     x = keras.layers.Conv2D(1, 1, strides=2, use_bias=False, name=f"conv{number}")(x)
        >>> whole = keras.Model(images, keras.layers.Dense(1, use_bias=False, name="head")(x))
        >>> backbone = keras.Model(images, x)
        >>> rates = stage_rates(zoo.stage_of_layers(backbone), backbone, whole, 0.5)
        >>> rates["head/kernel"], rates["conv5/kernel"], rates["conv3/kernel"]
        (1.0, 0.5, 0.125)
    """
    for what, factor in (
        ("decay {} from stage to stage", decay),
        ("factor {} of the backbone", backbone_rate),
    ):
        if not 0 < factor <= 1:
            raise InputError(
                f"learning-rate {what.format(factor)} is out of range: give a number above 0, up to 1"
            )
    of_variable = {id(v): of_layer[layer.name] for layer in backbone.layers for v in layer.weights}
    order = sorted(set(of_variable.values()), reverse=True)  # "tail" lies behind the stages
    depth = {stage: number for number, stage in enumerate(order, start=1)}
    factors = {"": 1.0} | {stage: backbone_rate * decay**number for stage, number in depth.items()}
    return {v.path: factors[of_variable.get(id(v), "")] for v in model.trainable_variables}
