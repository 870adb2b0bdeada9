"""What a camera sees: lines, zones, flows and the ground."""

from cityzoo.watch.scene.line import Line

__all__ = ["Line"]
