"""Named policies: what may happen to a picture on its way into the network. They load no TensorFlow."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import Any

Range = tuple[float, float]


@dataclass(frozen=True)
class Step:
    """Name a transform and the ranges that its values are drawn from, uniformly.

    Attributes:
        transform: a function of `augment.geometric` or `augment.photometric`.
        ranges: for each of the function's values, the lowest and the highest.
        probability: share of pictures that it happens to, 0..1.
    """

    transform: str
    ranges: dict[str, Range]
    probability: float = 1.0


@dataclass(frozen=True)
class Policy:
    """Hold an ordered list of transforms and how pictures and boxes come through it.

    Attributes:
        name: what `get_policy` finds it by.
        steps: the transforms in order; the geometric ones become one warp, before all photometric ones.
        fit: how a picture comes to the size of the network: "letterbox" (whole, in its true shape, between
            grey bars) or "stretch".
        box_rule: how boxes follow a rotation: "rounded", "ellipse" or "corners" (see `augment.move_boxes`).
        min_visible: a box whose visible share of area falls below this is dropped, 0..1.

    Example:
        >>> get_policy("light").describe()[1]
        {'transform': 'flip', 'probability': 0.5}
    """

    name: str
    steps: tuple[Step, ...] = ()
    fit: str = "letterbox"
    box_rule: str = "rounded"
    min_visible: float = 0.3

    def describe(self) -> list[dict[str, Any]]:
        """Return the policy as plain values that JSON can hold: the fit first, then a dict for each step."""
        fit = {"transform": self.fit, "box_rule": self.box_rule, "min_visible": self.min_visible}
        return [
            fit,
            *(
                {"transform": step.transform, "probability": step.probability}
                | {name: list(limits) for name, limits in step.ranges.items()}
                for step in self.steps
            ),
        ]


NONE = Policy("none")

LIGHT = Policy(
    "light",
    (
        Step("flip", {}, 0.5),
        Step("scale", {"factor": (0.9, 1.1)}),
        Step("translate", {"x": (-0.05, 0.05), "y": (-0.05, 0.05)}),
        Step("brightness", {"amount": (-0.1, 0.1)}),
        Step("contrast", {"factor": (0.9, 1.1)}),
    ),
)

# A camera on a pole: never upside down, hardly tilted, near and far vehicles, any hour and white balance.
STANDARD = Policy(
    "standard",
    (
        Step("crop", {"side": (0.5, 1.0), "x": (0.0, 1.0), "y": (0.0, 1.0)}, 0.5),
        Step("flip", {}, 0.5),
        Step("rotate", {"degrees": (-10.0, 10.0)}, 0.5),
        Step("shear", {"x_degrees": (-3.0, 3.0), "y_degrees": (-3.0, 3.0)}, 0.3),
        Step("scale", {"factor": (0.7, 1.2)}),
        Step("translate", {"x": (-0.1, 0.1), "y": (-0.1, 0.1)}),
        Step("gamma", {"exponent": (0.7, 1.4)}, 0.3),
        Step("brightness", {"amount": (-0.15, 0.15)}, 0.7),
        Step("contrast", {"factor": (0.7, 1.3)}, 0.7),
        Step("saturation", {"factor": (0.5, 1.5)}, 0.5),
        Step("hue", {"degrees": (-15.0, 15.0)}, 0.3),
        Step("grey", {}, 0.05),
        Step("noise", {"deviation": (0.0, 0.04)}, 0.3),
    ),
)

POLICIES = {policy.name: policy for policy in (NONE, LIGHT, STANDARD)}


def get_policy(name: str, fit: str = "letterbox") -> Policy:
    """Return the policy of that name.

    Args:
        name: a key of `POLICIES`.
        fit: "letterbox" or "stretch".

    Raises:
        ValueError: an unknown name or fit; the message names the nearest match.

    Example:
        >>> get_policy("lite")
        Traceback (most recent call last):
        ValueError: unknown augmentation policy 'lite': did you mean 'light'? Allowed: light, none, standard
    """
    for kind, received, allowed in (
        ("augmentation policy", name, POLICIES),
        ("fit", fit, ("letterbox", "stretch")),
    ):
        if received not in allowed:
            near = difflib.get_close_matches(received, allowed, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise ValueError(f"unknown {kind} '{received}': {hint}Allowed: {', '.join(sorted(allowed))}")
    return replace(POLICIES[name], fit=fit)
