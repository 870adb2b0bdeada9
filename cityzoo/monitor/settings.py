"""Flags of the server that watch its models."""

from __future__ import annotations

from dataclasses import dataclass

from cityzoo import cli
from cityzoo.alarms.rules import parse_live_rule
from cityzoo.cli.values import parse_count, parse_names, parse_number
from cityzoo.errors import InputError, unknown
from cityzoo.monitor.drift import FEWEST

CHANNELS = ("silence", "drift", "confidence")
RULES = (
    "silence > 60 release 30 hold 1",  # seconds without an image of a camera
    "drift > 1 release 0.8 hold 16",  # largest drift score, as a multiple of its limit
    "confidence < 0.3 release 0.5 hold 16",  # mean of the highest scores, as a multiple of the reference's
)


def parse_alarms(text: str) -> tuple[str, ...]:
    """Read "silence > 60; drift > 1" as rules.

    Raises:
        InputError: one of them is not understood, or on something else.

    Example:
        >>> parse_alarms("silence > 60; drift > 1 hold 4")
        ('silence > 60', 'drift > 1 hold 4')
    """
    rules = tuple(each.strip() for each in text.split(";"))
    for rule in rules:
        channel = parse_live_rule(rule).channel
        if channel not in CHANNELS:
            raise unknown("alarm", channel, CHANNELS)
    return rules


def parse_window(text: str) -> int:
    """Read a number of images.

    Raises:
        InputError: not a number, or so few that chance alone would raise alarms.

    Example:
        >>> parse_window("256")
        256
    """
    count = parse_count(text)
    if count < FEWEST:
        raise InputError(
            f"drift window {count}: two samples of so few differ by chance, give {FEWEST} or more"
        )
    return count


@dataclass(frozen=True)
class MonitorSettings:
    """What is measured of cameras, when it is an alarm, and where logs and traces go."""

    cameras: tuple[str, ...] = cli.flag(
        (), "names of cameras, by commas: watched for silence from the start", parse_names, "NAMES"
    )
    most_cameras: int = cli.flag(64, "further cameras with metrics of their own", parse_count, "N")
    sample_seconds: float = cli.flag(
        1.0, "measure at most one image of a camera in this time", parse_number, "S"
    )
    drift_window: int = cli.flag(
        128, "images of a camera that are compared with the model's reference", parse_window, "N"
    )
    drift_seconds: float = cli.flag(10.0, "of these, at most one in this time", parse_number, "S")
    alarm: tuple[str, ...] = cli.flag(
        RULES, "rules on silence (s), drift and confidence, by ';'", parse_alarms, "RULES", separator="; "
    )
    json_logs: bool = cli.flag(False, "log JSON lines")
    otlp: str | None = cli.flag(
        None, "send OpenTelemetry traces there, e.g. http://127.0.0.1:4318", metavar="URL"
    )
