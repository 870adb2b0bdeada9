"""Evaluate runs: predictions, metrics with intervals, slices, comparisons and quality gates."""
