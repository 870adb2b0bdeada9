"""Alarm rules on what a camera sees, as sentences: "stopped car in lane for 20s"."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cityzoo.alarms.rules import SECONDS, Rule, parse_live_rule
from cityzoo.errors import InputError, unknown

SEVERITIES = ("low", "medium", "high")
USUAL_SEVERITY = {"stopped": "medium", "wrong way": "high", "presence": "high", "missing": "medium"}
CONDITIONS = ("dark", "blurred", "frozen", "moved", "missing")  # of a camera
UNITS = {  # of what is measured in a zone or on a line
    "count": ("", "vehicles"),
    "speed": ("km/h",),
    "occupancy": ("%",),
    "queue": ("", "vehicles"),
    "dwell": ("s",),
    "headway": ("s",),
}
FORMS = {
    "stopped": "stopped [CLASS] [in ZONE] [for TIME]",
    "wrong": "wrong way [on LINE or in ZONE]",
    "congestion": "congestion [in ZONE] [for TIME]",
    "camera": f"camera {' or '.join(CONDITIONS)} [for TIME]",
    "unusual": "unusual count [on LINE] [> DEVIATIONS]",
    "silence": "silence > SECONDS",
    **{measure: f"{measure} [of CLASS] [in PLACE] > LIMIT [for TIME]" for measure in UNITS},
}
USUAL_SECONDS = {"stopped": 10.0, "congestion": 30.0, "camera": 10.0}
_TIME = r"(?:\s+for\s+(?P<time>\d+(?:\.\d+)?)\s*(?P<unit>s|min|h)\b)?"
_SUBJECT = r"(?P<subject>(?!in\b|for\b)[^\s<>](?:(?:(?!\s(?:in|on|for)\s)[^<>])*?[^\s<>])?)"
_PLACE = r"(?:\s+(?:in|on)\s+(?!\d+\s+of\s)(?P<place>[^\s<>](?:[^<>]*?[^\s<>])?))?"
_NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)"
_STOPPED = rf"stopped(?:\s+{_SUBJECT})?{_PLACE}{_TIME}"
_WRONG = rf"wrong[\s-]way{_PLACE}"
_CONGESTION = rf"congestion{_PLACE}{_TIME}"
_CAMERA = rf"camera\s+(?P<condition>[a-z]+){_TIME}"
_UNUSUAL = rf"unusual\s+count{_PLACE}(?:\s*>\s*(?P<score>{_NUMBER}))?"
_MEASURE = (
    rf"(?P<measure>{'|'.join(UNITS)})(?:\s+of\s+{_SUBJECT})?{_PLACE}"
    rf"\s*(?P<way>[<>]|(?<=\s)(?:above|over|below|under)\b)\s*(?P<limit>{_NUMBER})"
    rf"\s*(?P<measured>%|km/h|vehicles|s\b|)?{_TIME}(?P<rest>,?\s+(?:release|hold)\s.*)?"
)
_PRESENCE = (
    rf"{_SUBJECT}{_PLACE}(?:\s*>=\s*(?P<score>{_NUMBER}))?"
    r"(?:\s+in\s+(?P<few>\d+)\s+of\s+(?P<many>\d+)\s+frames)?"
)
PATTERNS = {
    "stopped": _STOPPED,
    "wrong": _WRONG,
    "congestion": _CONGESTION,
    "camera": _CAMERA,
    "unusual": _UNUSUAL,
    **dict.fromkeys(UNITS, _MEASURE),
}
_SEVERITY = re.compile(r",?\s+severity\s+(?P<severity>\S+)$", re.IGNORECASE)
FRAMES = (3, 5)  # that must show an object that is present, of how many
DEVIATIONS = 4.0  # from the usual count at that hour


@dataclass(frozen=True)
class StreamRule:
    """What raises an alarm on a camera.

    Attributes:
        text: the sentence.
        kind: "stopped", "wrong way", "congestion", "presence", "measure", "unusual", "missing", or the condition of
            a camera: "dark", "blurred", "frozen", "moved".
        subject: class of the object; "": any vehicle.
        place: line or zone; "": the whole image.
        seconds: of observation over which the condition holds.
        score: least score of a detection, or of deviations from the usual count; 0: as the tracker's.
        frames: how many must show the object, of how many.
        value: limits of what is measured.
        severity: one of SEVERITIES.
    """

    text: str
    kind: str
    subject: str = ""
    place: str = ""
    seconds: float = 0.0
    score: float = 0.0
    frames: tuple[int, int] = FRAMES
    value: Rule | None = None
    severity: str = "low"


def parse_stream_rule(text: str, classes: Iterable[str] | None = None) -> StreamRule:
    """Parse an alarm rule on what a camera sees; every rule may end with `severity low`, `medium` or `high`.

    Args:
        text: such as "stopped car in lane for 20s", "wrong way on north", "congestion in lane for 60s", "count in
            zone > 12 for 60s", "speed in lane < 15 for 60s", "fire >= 0.6 in 5 of 8 frames", "person in road",
            "camera dark", "unusual count on north", "silence > 60".
        classes: that the detector knows; None: not checked.

    Raises:
        InputError: not such a text, values out of range, or an unknown class.

    Example:
        >>> rule = parse_stream_rule("stopped car in lane for 20s, severity high")
        >>> rule.kind, rule.subject, rule.place, rule.seconds, rule.severity
        ('stopped', 'car', 'lane', 20.0, 'high')
        >>> rule = parse_stream_rule("speed in bus lane below 15 km/h for 1min release 20")
        >>> rule.kind, rule.place, str(rule.value.way), rule.value.limit, rule.value.release, rule.seconds
        ('measure', 'bus lane', '<', 15.0, 20.0, 60.0)
    """
    severity = _SEVERITY.search(text)
    if severity and severity["severity"].lower() not in SEVERITIES:
        raise unknown(f"severity of alarm '{text}'", severity["severity"], SEVERITIES)
    words = _SEVERITY.sub("", text.strip())
    first = re.split(r"[\s>-]", words.lower(), maxsplit=1)[0] if words else ""
    if re.search(r"\swithin\s", words):
        raise InputError(f"alarm '{text}' is a rule on forecasts: give it to evaluate --alarm")
    if first == "silence":
        value = parse_live_rule(words)
        rule = StreamRule(text, "missing", seconds=value.limit, value=value)
    else:
        rule = _parse_sentence(text, words, first, classes)
    usual = USUAL_SEVERITY.get(rule.kind, "low")
    return StreamRule(**{**vars(rule), "severity": severity["severity"].lower() if severity else usual})


def _parse_sentence(text: str, words: str, first: str, classes: Iterable[str] | None) -> StreamRule:
    found = re.fullmatch(PATTERNS.get(first, _PRESENCE), words, re.IGNORECASE)
    if found is None:
        form = FORMS.get(first)
        hint = f"write {form}" if form else "begin with a class or one of: " + ", ".join(FORMS)
        raise InputError(
            f"alarm '{text}' is not understood: {hint}, for example 'stopped car in lane for 20s'"
        )
    parts = {key: value for key, value in found.groupdict().items() if value}
    subject = "" if parts.get("subject") in (None, "vehicle") else parts["subject"]
    if classes is not None and subject and subject not in classes:
        names = tuple(classes) if first in PATTERNS else (*classes, *FORMS)
        raise unknown(f"class of alarm '{text}'", subject, names)
    seconds = USUAL_SECONDS.get(first, 0.0)
    if "time" in parts:
        seconds = float(parts["time"]) * SECONDS[parts["unit"].lower()]
        if seconds <= 0:
            raise InputError(f"alarm '{text}': a time of 0 s: expected more, e.g. 'for 20s'")
    rule = StreamRule(text, _kind(text, first, parts), subject, parts.get("place", ""), seconds)
    if rule.kind == "measure":
        return StreamRule(**{**vars(rule), "value": _parse_value(text, parts)})
    if rule.kind == "unusual":
        return StreamRule(**{**vars(rule), "score": float(parts.get("score", DEVIATIONS))})
    return StreamRule(**{**vars(rule), **_parse_frames(text, parts)}) if rule.kind == "presence" else rule


def _kind(text: str, first: str, parts: dict[str, str]) -> str:
    if first == "camera" and parts["condition"].lower() not in CONDITIONS:
        raise unknown(f"condition of alarm '{text}'", parts["condition"], CONDITIONS)
    kinds = {"wrong": "wrong way", "camera": parts.get("condition", "").lower()}
    kinds |= dict.fromkeys(UNITS, "measure")
    return kinds.get(first, first if first in PATTERNS else "presence")


def _parse_value(text: str, parts: dict[str, str]) -> Rule:
    measure, unit = parts["measure"].lower(), parts.get("measured", "")
    if unit and unit not in UNITS[measure]:
        raise unknown(f"unit of {measure} in alarm '{text}'", unit, [name for name in UNITS[measure] if name])
    return parse_live_rule(f"{measure} {parts['way']} {parts['limit']}{parts.get('rest', '')}")


def _parse_frames(text: str, parts: dict[str, str]) -> dict[str, object]:
    few, many = int(parts.get("few", FRAMES[0])), int(parts.get("many", FRAMES[1]))
    score = float(parts.get("score", 0))
    if not 1 <= few <= many <= 1000 or not math.isfinite(score) or not 0 <= score <= 1:
        raise InputError(
            f"alarm '{text}': expected a score of 0 to 1 and frames such as 'in 5 of 8 frames', the first number "
            "at most the second"
        )
    return {"score": score, "frames": (few, many)}
