"""Demo sounds made by numpy, and speech by espeak-ng: sirens, horns, breaking glass, engines, keywords, calls."""

VERSION = 1  # of the synthesis; part of the cache folder's name
RATE = 16_000  # Hz
