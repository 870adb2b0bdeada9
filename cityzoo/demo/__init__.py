"""Demo data that cityzoo draws itself: no download, exact labels, the same from the same seed."""

from cityzoo.demo.write import Demo, materialise

__all__ = ["Demo", "materialise"]
