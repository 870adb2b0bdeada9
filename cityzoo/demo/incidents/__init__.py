"""Demo incidents: what a camera, detectors and a hotline know of the same moment."""

VERSION = 1  # of the files; part of the cache folder's name
