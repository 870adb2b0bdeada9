"""Structured pruning: whole channels of a functional model are removed, in groups that belong together."""
