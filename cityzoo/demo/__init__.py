"""Synthetic demo data: rendered images, simulated series, texts and sounds with exact labels, reproducible."""

from cityzoo.demo.write import DEFAULT_COUNTS, MARK, Demo, FileDemo, write_demo

__all__ = ["DEFAULT_COUNTS", "MARK", "Demo", "FileDemo", "write_demo"]
