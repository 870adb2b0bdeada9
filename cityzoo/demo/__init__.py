"""Demo data that cityzoo draws itself: no download, exact labels, the same from the same seed."""

from cityzoo.demo.catalogue import Demo, find_demo
from cityzoo.demo.write import cache_home, materialise

__all__ = ["Demo", "cache_home", "find_demo", "materialise"]
