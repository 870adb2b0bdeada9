"""The totals of a watch as lines of text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cityzoo.watch.output.progress import clock


def describe_totals(summary: Mapping[str, Any]) -> list[str]:
    """Return the lines that are printed at the end: a table per camera, and what the range means.

    Args:
        summary: content of watched.json.

    Example:
        >>> total = {"line": "north", "direction": "forward", "to": "city", "counted": 2, "low": 2, "high": 3}
        >>> total |= {"classes": {"car": {"counted": 2, "low": 2, "high": 2}}}
        >>> camera = {"camera": "road", "frames": 9, "seconds": 4.5, "observed_share": 1.0, "totals": [total]}
        >>> camera |= {"source": {"dropped": 0, "gaps": 0}}
        >>> score = {"start": 0.3, "continue": 0.1, "origin": "given"}
        >>> print(*describe_totals({"cameras": [camera], "threshold": score}), sep="\\n")
        road: 9 frames, 0:04, 100 % observed
          line   to    counted  low..high  classes
          north  city        2       2..3  car 2 (2..2)
        low..high: counts with tracks from 0.225 and 0.375 on instead of 0.300 (given), not calibrated
    """
    lines = []
    for camera in summary["cameras"]:
        lost = [
            f"{camera['source'][name]} {name}" for name in ("dropped", "gaps") if camera["source"].get(name)
        ]
        observed = f"{100 * camera['observed_share']:.3g} % observed"
        about = [f"{camera['frames']} frames", clock(camera["seconds"]), observed, *lost]
        lines.append(f"{camera['camera']}: {', '.join(about)}")
        if camera["totals"]:
            lines += _table(camera["totals"])
    score = summary["threshold"]["start"]
    low, high = 0.75 * score, min(1.25 * score, 1.0)
    lines.append(
        f"low..high: counts with tracks from {low:.3f} and {high:.3f} on instead of {score:.3f} "
        f"({summary['threshold']['origin']}), not calibrated"
    )
    totals = [total for camera in summary["cameras"] for total in camera["totals"]]
    if any(total.get("is_calibrated") for total in totals):
        lines[-1] = (
            "low..high: 95 % range by the hand-counted clip; of classes, counts with neighboring thresholds"
        )
    return lines


def _table(totals: list[Mapping[str, Any]]) -> list[str]:
    rows = [("line", "to", "counted", "low..high", "classes")]
    for total in totals:
        classes = [f"{name} {n['counted']} ({n['low']}..{n['high']})" for name, n in total["classes"].items()]
        is_seen = math.isfinite(total["low"])
        spread = f"{total['low']:g}..{total['high']:g}" if is_seen else "not observed"
        rows.append((total["line"], total["to"], str(total["counted"]), spread, ", ".join(classes)))
    first, second, *_ = (max(map(len, column)) for column in zip(*rows, strict=True))
    third = max(len(row[3]) for row in rows)
    return [
        f"  {line:<{first}}  {to:<{second}}  {count:>7}  {spread:>{third}}  {classes}".rstrip()
        for line, to, count, spread, classes in rows
    ]
