"""Policies: ordered lists of transforms with ranges, by name, from a file, or as a list; without TensorFlow."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from augment.affine import BoxRule

Range = tuple[float, float]
Fit = Literal["letterbox", "stretch"]
FIT_NAMES: tuple[Fit, ...] = get_args(Fit)


@dataclass(frozen=True)
class Step:
    """A transform and the ranges that its values are sampled from, uniformly.

    Attributes:
        transform: name of a transform; `augment.registry.load_transforms` returns all.
        ranges: lower and upper limit of each value of the transform; or of `strength`, 0..1, which sets all of
            them (with a random sign for mirrored values). Positions, such as `x` and `y` of a crop, are optional and
            sampled from their full range by default.
        probability: share of images that it is applied to, 0..1.
    """

    transform: str
    ranges: Mapping[str, Range]
    probability: float = 1.0


@dataclass(frozen=True)
class Policy:
    """An ordered list of transforms, and how images are resized and boxes kept.

    Geometric transforms always come first, as one warp, and mixes last.

    Attributes:
        name: name of the policy.
        steps: the transforms in order.
        fit: how an image is resized to the network's input: "letterbox" (keeps the aspect ratio, with gray bars)
            or "stretch".
        box_rule: how boxes follow a rotation (see `augment.move_boxes`).
        min_visible: minimum visible share of a box's area, 0..1; other boxes are dropped.
        pick: number of random steps applied per image; None: every step by its own probability.
        mix_until: share of the training, 0..1, after which images are no longer mixed.

    Example:
        >>> get_policy("light").describe()[1]
        {'transform': 'flip', 'probability': 0.5}
    """

    name: str
    steps: tuple[Step, ...] = ()
    fit: Fit = "letterbox"
    box_rule: BoxRule = "rounded"
    min_visible: float = 0.3
    pick: int | None = None
    mix_until: float = 0.8

    def describe(self) -> list[dict[str, Any]]:
        """Return the policy as plain values for JSON or YAML: the fit first, then a dict per step.

        `policy_from_list` is the inverse.
        """
        fit: dict[str, Any] = {"policy": self.name, "transform": self.fit}
        fit |= {"box_rule": self.box_rule, "min_visible": self.min_visible}
        fit |= {} if self.pick is None else {"pick": self.pick}
        fit |= {"mix_until": self.mix_until} if self.mix_until != Policy.mix_until else {}
        return [
            fit,
            *(
                {"transform": step.transform, "probability": step.probability}
                | {name: list(limits) for name, limits in step.ranges.items()}
                for step in self.steps
            ),
        ]


def _both(limit: float) -> Range:
    return (-limit, limit)


NONE = Policy("none")

LIGHT = Policy(
    "light",
    (
        Step("flip", {}, 0.5),
        Step("scale", {"factor": (0.9, 1.1)}),
        Step("translate", {"x": _both(0.05), "y": _both(0.05)}),
        Step("brightness", {"amount": _both(0.1)}),
        Step("contrast", {"factor": (0.9, 1.1)}),
    ),
)

# A camera on a pole: never upside down, hardly tilted, near and far vehicles, any hour and white balance.
_GEOMETRY = (
    Step("crop", {"side": (0.5, 1.0)}, 0.5),
    Step("flip", {}, 0.5),
    Step("rotate", {"degrees": _both(10.0)}, 0.5),
    Step("shear", {"x_degrees": _both(3.0), "y_degrees": _both(3.0)}, 0.3),
    Step("scale", {"factor": (0.7, 1.2)}),
    Step("translate", {"x": _both(0.1), "y": _both(0.1)}),
)
_COLORS = (
    Step("brightness", {"amount": _both(0.15)}, 0.7),
    Step("contrast", {"factor": (0.7, 1.3)}, 0.7),
    Step("saturation", {"factor": (0.5, 1.5)}, 0.5),
    Step("hue", {"degrees": _both(15.0)}, 0.3),
    Step("grey", {"share": (1.0, 1.0)}, 0.05),
)
STANDARD = Policy(
    "standard",
    (
        *_GEOMETRY,
        Step("gamma", {"exponent": (0.7, 1.4)}, 0.3),
        *_COLORS,
        Step("noise", {"deviation": (0.0, 0.04)}, 0.3),
    ),
)

# For detectors that see new images in every epoch: objects at half their size, four scenes at once; whole scenes last.
MOSAIC = Policy("mosaic", (*STANDARD.steps, Step("mosaic", {}, 0.5)), mix_until=0.75)

# For long trainings on few cameras: images from other weather, worse lenses and broken streams, and mixes.
STRONG = Policy(
    "strong",
    (
        *_GEOMETRY,
        Step("gamma", {"exponent": (0.6, 1.6)}, 0.3),
        *_COLORS,
        Step("temperature", {"strength": (0.0, 0.6)}, 0.3),
        Step("night", {"strength": (0.0, 0.7)}, 0.1),
        Step("rain", {"strength": (0.0, 0.7)}, 0.08),
        Step("fog", {"strength": (0.0, 0.7)}, 0.08),
        Step("snow", {"strength": (0.0, 0.7)}, 0.05),
        Step("glare", {"strength": (0.0, 0.7)}, 0.08),
        Step("dirt", {"strength": (0.0, 0.7)}, 0.08),
        Step("motion_blur", {"strength": (0.0, 0.5)}, 0.1),
        Step("noise", {"deviation": (0.0, 0.06)}, 0.3),
        Step("jpeg", {"strength": (0.0, 0.8)}, 0.15),
        Step("cutout", {"strength": (0.2, 0.6)}, 0.1),
        Step("mosaic", {}, 0.3),
        Step("copy_paste", {}, 0.2),
    ),
)

# Day images for a camera that must also see at night.
NIGHT = Policy(
    "night",
    (
        *_GEOMETRY,
        Step("temperature", {"strength": (0.0, 0.6)}, 0.5),
        Step("night", {"strength": (0.3, 1.0)}, 0.6),
        Step("glare", {"strength": (0.1, 0.8)}, 0.3),
        Step("rain", {"strength": (0.0, 0.5)}, 0.15),
        Step("motion_blur", {"strength": (0.0, 0.4)}, 0.2),
        Step("grey", {"share": (1.0, 1.0)}, 0.15),
        Step("noise", {"deviation": (0.0, 0.06)}, 0.5),
        Step("jpeg", {"strength": (0.0, 0.8)}, 0.3),
    ),
)

_CHOICES = ("rotate", "shear", "translate", "brightness", "contrast", "saturation", "autocontrast")
_CHOICES_OF_TONES = ("posterize", "solarize", "sharpen")


def _choices(low: float, high: float) -> tuple[Step, ...]:
    return tuple(Step(name, {"strength": (low, high)}) for name in _CHOICES + _CHOICES_OF_TONES)


# Cubuk et al. 2020 (arXiv 1909.13719): two of the list, all at one strength. Mueller & Hutter 2021
# (arXiv 2103.10158): one of the list, at any strength. Here in the order of the list, none of them twice.
RANDAUGMENT = Policy("randaugment", _choices(0.5, 0.5), fit="stretch", pick=2)
TRIVIALAUGMENT = Policy("trivialaugment", _choices(0.0, 1.0), fit="stretch", pick=1)

# Chen et al. 2020 (arXiv 2002.05709): what two views of one image share is what it shows. Crops are larger than there:
# a street camera's frame is no single object.
CONTRASTIVE = Policy(
    "contrastive",
    (
        Step("crop", {"side": (0.3, 1.0)}),
        Step("flip", {}, 0.5),
        Step("brightness", {"amount": _both(0.2)}, 0.8),
        Step("contrast", {"factor": (0.5, 1.5)}, 0.8),
        Step("saturation", {"factor": (0.3, 1.7)}, 0.8),
        Step("hue", {"degrees": _both(30.0)}, 0.5),
        Step("grey", {"share": (1.0, 1.0)}, 0.2),
        Step("blur", {"sigma": (0.0, 1.5)}, 0.3),
    ),
    fit="stretch",
)

NAMED = (NONE, LIGHT, STANDARD, MOSAIC, STRONG, NIGHT, RANDAUGMENT, TRIVIALAUGMENT, CONTRASTIVE)
POLICIES = {policy.name: policy for policy in NAMED}


def closest_name(received: str, allowed: Iterable[str]) -> str:
    """Return "did you mean 'x'? " for a misspelt name, or nothing.

    Example:
        >>> closest_name("rotat", ["rotate", "flip"])
        "did you mean 'rotate'? "
    """
    near = difflib.get_close_matches(str(received), list(allowed), n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'? " if near else ""


def get_policy(source: str | Policy | Sequence[Mapping[str, Any]], fit: Fit | None = None) -> Policy:
    """Return a policy by name, from a file or list, or unchanged.

    Args:
        source: a key of `POLICIES`; or the path of a .yaml, .yml or .json file; or the contents of such a
            file (see `augment.policy_from_list`); or a policy.
        fit: "letterbox" or "stretch", instead of the policy's own.

    Raises:
        ValueError: unknown name or fit, or an invalid file or list.

    Example:
        >>> get_policy("light").fit, get_policy([{"transform": "flip"}]).steps
        ('letterbox', (Step(transform='flip', ranges={}, probability=1.0),))
    """
    if fit is not None and fit not in FIT_NAMES:
        raise ValueError(
            f"unknown fit '{fit}': {closest_name(fit, FIT_NAMES)}Allowed: {', '.join(FIT_NAMES)}"
        )
    policy = source if isinstance(source, Policy) else _found(source)
    return policy if fit is None else replace(policy, fit=fit)


def _found(source: str | Sequence[Mapping[str, Any]]) -> Policy:
    from augment.policy_file import SUFFIXES, policy_from_list, read_policy

    if not isinstance(source, str):
        return policy_from_list(source)
    if source in POLICIES:
        return POLICIES[source]
    if source.endswith(SUFFIXES):
        return read_policy(source)
    allowed = f"{', '.join(sorted(POLICIES))}, or a .yaml or .json file"
    raise ValueError(
        f"unknown augmentation policy '{source}': {closest_name(source, POLICIES)}Allowed: {allowed}"
    )
