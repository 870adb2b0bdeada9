"""Demo data that cityzoo draws itself: no download, exact labels, the same from the same seed."""

from cityzoo.demo.write import Demo, write_demo

__all__ = ["Demo", "write_demo"]
