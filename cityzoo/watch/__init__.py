"""Cameras and recordings, watched: vehicles are detected, tracked and counted, and incidents reported."""
