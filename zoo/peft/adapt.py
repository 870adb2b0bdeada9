"""Adapt a backbone, and say what of it trains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras

from zoo import feature_pyramid, freezing
from zoo.peft import methods
from zoo.peft.fingerprints import fingerprint
from zoo.peft.rewrite import operations, parts, rewrite


@dataclass(frozen=True)
class Adaptation:
    """What was done to a backbone; it hangs on the adapted one as `adaptation`.

    `base` is the backbone before, which shares all layers that nothing trains, `base_sha256` the fingerprint
    of its weights then; `chains` maps its operations to the chains that took their place.
    """

    how: str
    above: str | None
    way: methods.AdaptationMethod
    base: keras.Model
    base_sha256: str
    chains: methods.Chains

    @property
    def layers(self) -> list[keras.Layer]:
        """Return the layers that the way made, in graph order."""
        steps = [step for source, chain in self.chains.items() for step in chain if step is not source]
        return [layer for step in steps for layer in getattr(step, "layers", [step])]

    @property
    def learned(self) -> list[keras.Variable]:
        """Return the variables that training changes, in graph order."""
        names = self.way.trains | self.way.keeps
        return [weight for layer in self.layers for weight in layer.weights if weight.name in names]


@dataclass(frozen=True)
class ParameterShares:
    """What of an adapted backbone trains: parameters that train, of how many the base has, in all and by stage.

    `by_stage` is {"C1": (trainable, base), ..., "tail": ...}. `str()` gives a small table.
    """

    how: str
    trainable: int
    base: int
    by_stage: dict[str, tuple[int, int]]

    @property
    def share(self) -> float:
        """Return trainable / base."""
        return self.trainable / self.base

    def __str__(self) -> str:
        """Return a small table, a line a stage."""
        rows = [f"{'stage':<9}{'trainable':>13}{'base':>13}{'share':>9}"]
        for name, (train, base) in [*self.by_stage.items(), ("backbone", (self.trainable, self.base))]:
            rows.append(f"{name:<9}{train:>13,}{base:>13,}{train / max(base, 1):>9.2%}")
        return "\n".join(rows)


def adapt(backbone: keras.Model, how: str, above: str | None = None, seed: int = 0) -> keras.Model:
    """Return a backbone that is adapted by few parameters; all else in it is frozen, statistics too.

    It starts with exactly the outputs of the given one, has the same inputs, outputs and stages, and shares
    with it the layers that stay as they are. The given one keeps its weights whatever the adapted one learns, but
    layers that both share are frozen in both.

    Args:
        backbone: a functional backbone, as `build` makes it, with the weights to start from.
        how: "lora:RANK", "adalora:RANK", "adapter:WIDTH" (channels), "bias", "norm" or "ssf".
        above: a stage ("C3"): only what lies behind it is adapted, so that the rest can be cached. None:
            everywhere.
        seed: of the random numbers that LoRA, AdaLoRA and adapters start from.

    Raises:
        ValueError: unknown way or number, no such stage, nothing to adapt behind it, or adapted already.

    Example:
        >>> images = x = keras.Input((32, 32, 3))
        >>> for number in range(1, 6):
        ...     x = keras.layers.Conv2D(8, 3, strides=2, padding="same", name=f"conv{number}")(x)
        >>> adapted = adapt(keras.Model(images, x), "lora:2", above="C4")
        >>> [tuple(weight.shape) for weight in adapted.trainable_weights]
        [(3, 3, 8, 2), (2, 8)]
    """
    way = methods.make(how)
    if hasattr(backbone, "adaptation"):
        done = backbone.adaptation.how
        raise ValueError(f"backbone '{backbone.name}' is adapted by '{done}' already: merge it first")
    cut = None if above is None else feature_pyramid.stage(backbone, above)
    chains = way.plan(backbone, operations(backbone, cut), seed)
    if not chains:
        where = "" if above is None else f" behind {above}"
        raise ValueError(
            f"'{how}' finds nothing to adapt in backbone '{backbone.name}'{where}: take another way"
            + ("" if above is None else " or an earlier stage")
        )
    sha256 = fingerprint(backbone)
    adapted = rewrite(backbone, lambda operation: chains.get(operation, [operation]), kept=cut)
    adapted.adaptation = Adaptation(how, above, way, backbone, sha256, chains)
    freeze_base(adapted)
    return adapted


def adaptation_of(backbone: keras.Model) -> Adaptation:
    """Return what was done to a backbone.

    Raises:
        ValueError: it is not adapted.
    """
    if not hasattr(backbone, "adaptation"):
        raise ValueError(f"model '{backbone.name}' is not adapted: give what zoo.adapt returned")
    return backbone.adaptation


def freeze_base(backbone: keras.Model, upto: str = freezing.NONE) -> ParameterShares:
    """Let the adapted weights of a backbone train and nothing else of it; compile afterwards.

    To be called wherever `freeze` would be: that one, and `trainable = True` on any model around, also unfreeze
    what `adapt` froze.

    Args:
        backbone: what `adapt` returned.
        upto: "none", or a stage or "backbone": the adapted weights up to there are frozen too.

    Returns:
        What trains now.

    Raises:
        ValueError: not adapted, or no such stage.
    """
    adaptation = adaptation_of(backbone)
    freezing.freeze(backbone, upto)
    trains = adaptation.way.trains
    ours = {id(layer) for layer in adaptation.layers if trains & {weight.name for weight in layer.weights}}
    for layer in backbone.layers:
        inside = [part for part in parts(layer) if id(part) in ours] if layer.trainable else []
        layer.trainable = bool(inside)  # also sets what is inside a Sequential
        for part in parts(layer):
            part.trainable = part in inside
        for weight in (weight for part in inside for weight in part.weights):
            weight.trainable = weight.name in trains
    return shares(backbone)


def shares(backbone: keras.Model) -> ParameterShares:
    """Return what of an adapted backbone trains, in all and by stage.

    Raises:
        ValueError: not adapted.
    """
    adaptation = adaptation_of(backbone)
    train = _by_stage(backbone, lambda weight: weight.trainable)
    base = _by_stage(adaptation.base, lambda weight: True)
    by_stage = {stage: (train.get(stage, 0), count) for stage, count in base.items()}
    return ParameterShares(adaptation.how, sum(train.values()), sum(base.values()), by_stage)


def _by_stage(model: keras.Model, counts: Any) -> dict[str, int]:
    of_layer = feature_pyramid.stage_of_layers(model)
    found = {
        stage: 0
        for stage in [*feature_pyramid.stages(model), feature_pyramid.TAIL]
        if stage in of_layer.values()
    }
    for layer in model.layers:
        sizes = [math.prod(weight.shape) for weight in layer.weights if counts(weight)]
        found[of_layer[layer.name]] += sum(sizes)
    return found
