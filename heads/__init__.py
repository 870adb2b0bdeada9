"""Task-specific top layers: each owns its outputs, its loss and its decoding. Pure Keras."""
