"""Task-specific heads with their losses, in pure Keras; `detection_decode` and `linear_probe` need only NumPy."""
