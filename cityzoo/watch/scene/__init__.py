"""What a camera sees: lines, zones, flows and the ground."""

from cityzoo.watch.scene.line import Line
from cityzoo.watch.scene.reader import parse_scene, read_scene
from cityzoo.watch.scene.scene import Flow, Ground, Scene, Zone

__all__ = ["Flow", "Ground", "Line", "Scene", "Zone", "parse_scene", "read_scene"]
