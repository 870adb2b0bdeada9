"""Classify congestion by several modalities: images and counts of a camera, loop detectors, reports."""

from __future__ import annotations

from dataclasses import replace

from cityzoo.demo import FileDemo
from cityzoo.tasks import incident_fusion


def demo() -> FileDemo:
    """Return moments of a simulated motorway, used if the user brings no data."""
    from cityzoo.demo.incidents import VERSION, congestion

    return FileDemo(
        "congestion_fusion",
        VERSION,
        congestion.write_congestion,
        "images, counts, detectors and reports of one simulated motorway",
    )


TASK = replace(
    incident_fusion.TASK,
    summary="where a queue is: one class per row of a table, from images, counts, sensors and text together",
    demo=demo,
)
