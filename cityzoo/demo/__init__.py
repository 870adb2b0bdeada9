"""Synthetic demo data: rendered images with exact labels and simulated sensor series, reproducible from a seed."""

from cityzoo.demo.write import DEFAULT_COUNTS, MARK, Demo, SeriesDemo, write_demo

__all__ = ["DEFAULT_COUNTS", "MARK", "Demo", "SeriesDemo", "write_demo"]
