"""Metrics and statistics on NumPy arrays."""
