"""The observers of a scene's rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from cityzoo.alarms.stream_rules import StreamRule, parse_stream_rule
from cityzoo.errors import InputError, unknown
from cityzoo.watch.incidents.camera_condition import CameraCondition
from cityzoo.watch.incidents.congestion import Congestion
from cityzoo.watch.incidents.image_class import ImageClass
from cityzoo.watch.incidents.measured_value import MeasuredValue
from cityzoo.watch.incidents.missing_camera import MissingCamera
from cityzoo.watch.incidents.presence import Presence
from cityzoo.watch.incidents.rule_observer import RuleObserver
from cityzoo.watch.incidents.standing_vehicles import StandingVehicles
from cityzoo.watch.incidents.unusual_counts import UnusualCounts
from cityzoo.watch.incidents.wrong_way import WrongWay
from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.scene import Scene

OBSERVERS: dict[str, type[RuleObserver]] = {
    "stopped": StandingVehicles,
    "wrong way": WrongWay,
    "congestion": Congestion,
    "missing": MissingCamera,
    "measure": MeasuredValue,
    "unusual": UnusualCounts,
    **dict.fromkeys(("dark", "blurred", "frozen", "moved"), CameraCondition),
}


def make_observers(
    camera: str,
    scene: Scene,
    class_names: Sequence[str],
    high: float = 0.0,
    motion: Motion | None = None,
    rules: Iterable[str] = (),
    image_classes: Mapping[str, float | None] = MappingProxyType({}),
) -> list[RuleObserver]:
    """Return an observer for each rule of a scene, for what its marks alone forbid, and for further rules.

    Args:
        camera: name of the camera.
        scene: with rules and places.
        class_names: of the detector, by label.
        high: score at which tracks start: that of detections where a rule names none.
        motion: shared with the measures of the camera.
        rules: besides those of the scene.
        image_classes: of a classifier of images, with the probability from which a class is an alarm, if it names one.

    Raises:
        InputError: a rule that is not understood, or names a class or place that is not there.

    Example:
        >>> [type(item).__name__ for item in make_observers("north", Scene(rules=("stopped car for 20s",)), ["car"])]
        ['StandingVehicles']
    """
    motion = motion or Motion(scene.ground)
    observers: list[RuleObserver] = []
    written = [_parse(text, class_names, image_classes) for text in [*scene.rules, *rules]]
    for rule in written:
        _check_place(rule, scene)
    for rule in [*written, *_implied_rules(scene, written)]:
        arguments = (camera, rule, scene, class_names, motion)
        if _is_of_image(rule, image_classes):
            observers.append(ImageClass(*arguments, threshold=image_classes[rule.subject]))
        elif rule.kind == "presence":
            observers.append(Presence(*arguments, least_score=high))
        else:
            observers.append(OBSERVERS[rule.kind](*arguments))
    return observers


def add_rules(scene: Scene, rules: Iterable[str]) -> Scene:
    """Return a scene with those further rules whose class none of its own rules names.

    Example:
        >>> add_rules(Scene(rules=("fire >= 0.6",)), ["fire in 5 of 8 frames", "smoke in 5 of 8 frames"]).rules
        ('fire >= 0.6', 'smoke in 5 of 8 frames')
    """
    written = {parse_stream_rule(text).subject for text in scene.rules}
    more = [text for text in rules if parse_stream_rule(text).subject not in written]
    return replace(scene, rules=(*scene.rules, *more))


def _parse(text: str, class_names: Sequence[str], image_classes: Mapping[str, float | None]) -> StreamRule:
    """Return a rule, checked against the classes of the detector and of the classifier."""
    rule = parse_stream_rule(text, {*class_names, *image_classes})
    if _is_of_image(rule, image_classes):
        return rule
    if rule.kind == "presence" and rule.subject in set(image_classes) - set(class_names):
        raise InputError(
            f"alarm '{text}': the classifier sees '{rule.subject}' in the whole image only: leave out '{rule.place}'"
        )
    return parse_stream_rule(text, class_names)


def _is_of_image(rule: StreamRule, image_classes: Mapping[str, float | None]) -> bool:
    """Return whether a rule is one on the classifier; in a place only the detector finds anything."""
    return rule.kind == "presence" and rule.subject in image_classes and not rule.place


def _implied_rules(scene: Scene, written: Sequence[StreamRule]) -> list[StreamRule]:
    """Return the rules of zones where nobody may stop or be, and of forbidden directions, that nobody wrote."""
    stopped = [zone for zone in scene.zones if zone.purpose == "stopped"]
    texts = [f"stopped in {zone.name} for {zone.dwell_seconds:g}s" for zone in stopped]
    texts += [f"vehicle in {zone.name}" for zone in scene.zones if zone.purpose == "forbidden"]
    texts += [f"wrong way on {line}" for line in dict(scene.forbidden)]
    rules = [parse_stream_rule(text) for text in texts]
    known = {(rule.kind, rule.place) for rule in written}
    return [rule for rule in rules if (rule.kind, rule.place) not in known]


def _check_place(rule: StreamRule, scene: Scene) -> None:
    """Refuse a rule whose place or calibration the scene does not have, with InputError."""
    lines, zones = [line.name for line in scene.lines], [zone.name for zone in scene.zones]
    channel = rule.value.channel if rule.value and rule.kind == "measure" else ""
    if channel == "headway" and not rule.place:
        raise InputError(f"alarm '{rule.text}': name a line, as in 'headway on {(*lines, 'north')[0]} < 1'")
    needs_line = channel == "headway" or rule.kind == "unusual"
    takes_line = needs_line or rule.kind == "wrong way" or channel == "occupancy"
    allowed = [*(lines if takes_line else []), *([] if needs_line else zones)]
    if rule.place and rule.place not in allowed:
        if not allowed:
            raise InputError(
                f"alarm '{rule.text}': the scene has no '{rule.place}': mark it as a line or zone"
            )
        raise unknown(f"place of alarm '{rule.text}'", rule.place, allowed)
    if rule.kind == "wrong way" and rule.place in lines and rule.place not in dict(scene.forbidden):
        raise InputError(
            f"alarm '{rule.text}': no direction of line '{rule.place}' is forbidden: add "
            f"'forbidden: [{{line: {rule.place}, direction: back}}]'"
        )
    if channel == "speed" and scene.ground is None:
        raise InputError(f"alarm '{rule.text}': speeds need metres: give 'ground' with four points")
