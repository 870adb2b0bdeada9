"""Runs made of runs: repeats over seeds."""
