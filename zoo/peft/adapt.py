"""Adapt a backbone, count its trainable parameters, and merge it into a plain model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from zoo import feature_pyramid, freezing, graph
from zoo.peft import methods
from zoo.peft.rewrite import copy, fingerprint, operations, parts, plain_copy, rewrite


@dataclass(frozen=True)
class Adaptation:
    """Record of an adaptation, the attribute `adaptation` of the adapted backbone.

    `base` is the original backbone, which shares all unchanged layers, `base_sha256` the fingerprint of its weights;
    `chains` maps its operations to the chains that replace them.
    """

    how: str
    above: str | None
    way: methods.AdaptationMethod
    base: keras.Model
    base_sha256: str
    chains: methods.Chains

    @property
    def layers(self) -> list[keras.Layer]:
        """Return the layers that the method created, in graph order."""
        steps = [step for source, chain in self.chains.items() for step in chain if step is not source]
        return [layer for step in steps for layer in getattr(step, "layers", [step])]

    @property
    def learned(self) -> list[keras.Variable]:
        """Return the variables that training changes, in graph order."""
        names = self.way.trains | self.way.keeps
        return [weight for layer in self.layers for weight in layer.weights if weight.name in names]


@dataclass(frozen=True)
class ParameterShares:
    """Trainable parameters of an adapted backbone and parameters of its base, in total and by stage.

    `by_stage` is {"C1": (trainable, base), ..., "tail": ...}. `str()` is a small table.
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
        """Return a small table, one line per stage."""
        rows = [f"{'stage':<9}{'trainable':>13}{'base':>13}{'share':>9}"]
        for name, (train, base) in [*self.by_stage.items(), ("backbone", (self.trainable, self.base))]:
            rows.append(f"{name:<9}{train:>13,}{base:>13,}{train / max(base, 1):>9.2%}")
        return "\n".join(rows)


def adapt(backbone: keras.Model, how: str, above: str | None = None, seed: int = 0) -> keras.Model:
    """Return a backbone with a few trainable parameters; everything else in it is frozen, including statistics.

    It starts with exactly the outputs of the given one, has the same inputs, outputs and stages, and shares the
    unchanged layers, which are frozen in both. Training never changes the weights of the given one.

    Args:
        backbone: a functional backbone from `build`, with the weights to start from.
        how: "lora:RANK", "adalora:RANK", "adapter:WIDTH" (channels), "bias", "norm" or "ssf".
        above: a stage ("C3"): adapt only layers after it, to allow caching of the rest. None: everywhere.
        seed: of the initial weights of LoRA, AdaLoRA and adapters.

    Raises:
        ValueError: unknown method, number or stage, nothing to adapt after it, or already adapted.

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
        raise ValueError(f"backbone '{backbone.name}' is already adapted by '{done}': merge it first")
    cut = None if above is None else feature_pyramid.stage(backbone, above)
    chains = way.plan(backbone, operations(backbone, cut), seed)
    if not chains:
        where = "" if above is None else f" after {above}"
        raise ValueError(
            f"'{how}' finds nothing to adapt in backbone '{backbone.name}'{where}: use another method"
            + ("" if above is None else " or an earlier stage")
        )
    sha256 = fingerprint(backbone)
    adapted = rewrite(backbone, lambda operation: chains.get(operation, [operation]), kept=cut)
    adapted.adaptation = Adaptation(how, above, way, backbone, sha256, chains)
    freeze_base(adapted)
    return adapted


def adaptation_of(backbone: keras.Model) -> Adaptation:
    """Return the record of a backbone's adaptation.

    Raises:
        ValueError: it is not adapted.
    """
    if not hasattr(backbone, "adaptation"):
        raise ValueError(f"model '{backbone.name}' is not adapted: give a backbone from zoo.adapt")
    return backbone.adaptation


def freeze_base(backbone: keras.Model, upto: str = freezing.NONE) -> ParameterShares:
    """Make only the adapted weights of a backbone trainable; compile afterwards.

    Use it instead of `freeze`, which unfreezes the base, as does setting `trainable = True` on an enclosing model.

    Args:
        backbone: a backbone from `adapt`.
        upto: "none", or a stage or "backbone": the adapted weights up to there are frozen too.

    Returns:
        The counts of trainable parameters.

    Raises:
        ValueError: not adapted, or no such stage.
    """
    adaptation = adaptation_of(backbone)
    freezing.freeze(backbone, upto)
    trains = adaptation.way.trains
    ours = {id(layer) for layer in adaptation.layers if trains & {weight.name for weight in layer.weights}}
    for layer in backbone.layers:
        inside = [part for part in parts(layer) if id(part) in ours] if layer.trainable else []
        layer.trainable = bool(inside)  # also sets the layers of a Sequential
        for part in parts(layer):
            part.trainable = part in inside
        for weight in (weight for part in inside for weight in part.weights):
            weight.trainable = weight.name in trains
    return shares(backbone)


def shares(backbone: keras.Model) -> ParameterShares:
    """Return the trainable parameters of an adapted backbone, in total and by stage.

    Raises:
        ValueError: not adapted.
    """
    adaptation = adaptation_of(backbone)
    train = freezing.parameters_by_stage(backbone, lambda weight: weight.trainable)
    base = freezing.parameters_by_stage(adaptation.base, lambda weight: True)
    by_stage = {stage: (train.get(stage, 0), count) for stage, count in base.items()}
    return ParameterShares(adaptation.how, sum(train.values()), sum(base.values()), by_stage)


def merge(backbone: keras.Model, model: keras.Model | None = None) -> keras.Model:
    """Return a plain, trainable model that computes the same as an adapted one, with its own layers.

    LoRA, AdaLoRA, bias, norm and SSF merge into the base architecture (layers get a bias, gamma or beta if SSF
    needs one); adapters stay, as plain convolutions. The result loads in safe mode without this package.

    Args:
        backbone: a backbone from `adapt`.
        model: a larger model built on it (backbone, neck, head) to rebuild on the merged backbone; layers after
            the backbone are shared.

    Returns:
        The merged backbone, or the larger model on it.

    Raises:
        ValueError: not adapted, or the model is not built on this backbone.
    """
    adaptation = adaptation_of(backbone)
    plain = {}
    if adaptation.way.folds:
        plain = {source: adaptation.way.fold(chain) for source, chain in adaptation.chains.items()}

    def replace(operation: Any) -> list[Any]:
        if operation in plain:
            return [plain_copy(operation, plain[operation])]
        return [copy(operation) if isinstance(operation, keras.Layer) else operation]

    source = adaptation.base if adaptation.way.folds else backbone
    old = source.inputs[0]
    inputs = keras.Input(batch_shape=old.shape, dtype=old.dtype, name=old._keras_history.operation.name)
    merged = rewrite(source, replace, inputs=inputs)
    return merged if model is None else transplant(model, backbone, merged)


def transplant(model: keras.Model, backbone: keras.Model, onto: keras.Model) -> keras.Model:
    """Return a larger model on another backbone with the same outputs, sharing the layers after it.

    Args:
        model: a functional model that contains the backbone's layers flat, as a detector does.
        backbone: the backbone that it was built on.
        onto: its replacement, e.g. from `adapt` or `merge`.

    Raises:
        ValueError: the model uses inner tensors of the backbone, or is built on another one.
    """
    old, new = (keras.tree.flatten(each.output) for each in (backbone, onto))
    feeds = {id(before): after for before, after in zip(old, new, strict=True)}
    try:
        values = graph.run(model, model.outputs, feeds)
    except KeyError as error:
        raise ValueError(
            f"model '{model.name}' uses more than the outputs of '{backbone.name}': give the backbone "
            "that it was built on"
        ) from error
    outputs = keras.tree.map_structure(lambda tensor: values[id(tensor)], model.output)
    return keras.Model(onto.inputs[0], outputs, name=model.name)
