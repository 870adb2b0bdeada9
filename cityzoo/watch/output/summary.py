"""The summary of a watch: what each camera sent, and the totals of its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cityzoo.watch.camera import CameraWatch
from cityzoo.watch.counting import estimate_count
from cityzoo.watch.output.count_rows import directions, sensor_name
from cityzoo.watch.sources.health import iso_time

if TYPE_CHECKING:
    from cityzoo.watch.watching import Watching


def summarize(watching: Watching) -> dict[str, Any]:
    """Return what each camera sent and counted so far."""
    start, end = watching.start, watching.end
    begun = {"start": iso_time(start), "end": iso_time(end)} if end >= start else {}
    seconds = max(end - start, 0.0) if begun else 0.0
    cameras = []
    for source in watching.sources:
        watch, name = watching.watches[source.camera], source.camera
        share = min(1.0, watching.observed[name] / seconds) if seconds else 0.0
        about: dict[str, Any] = {
            "camera": name,
            "frames": watching.frames[name],
            "seconds": round(seconds, 3),
        }
        about |= {"observed_share": round(share, 4), "source": source.health.summary()}
        about["lines"] = [line.to_json() for line in watch.scene.lines]
        cameras.append({**about, "totals": sum_lines(watch, share) if seconds else []})
    sinks = [sink.summary() for sink in watching.sinks]
    return {
        "interval_seconds": watching.interval,
        **begun,
        "cameras": cameras,
        **({"sinks": sinks} if sinks else {}),
    }


def sum_lines(watch: CameraWatch, share: float) -> list[dict[str, Any]]:
    """Return the totals of a camera by line and direction.

    Args:
        watch: of the camera.
        share: 0..1, observed of the whole time.
    """
    totals = []
    for line in watch.scene.lines:
        for direction, side in directions(line):
            count = estimate_count(watch.spread.totals(line.name, direction), 0.0, 1.0, share)
            count = watch.calibrate(count, line.name, direction)
            classes: dict[str, Any] = {}
            for label in watch.spread.labels(line.name, direction):
                found = watch.spread.totals(line.name, direction, label)
                each = {"counted": found["nominal"], "low": min(found.values()), "high": max(found.values())}
                classes[watch.class_names[label]] = each
            total: dict[str, Any] = {"line": line.name, "direction": direction, "to": side}
            total |= {"sensor": sensor_name(watch.camera, line.name, side), "counted": count.counted}
            total["is_calibrated"] = (line.name, direction) in watch.rates
            totals.append({**total, "low": count.low, "high": count.high, "classes": classes})
    return totals
