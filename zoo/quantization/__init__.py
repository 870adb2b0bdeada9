"""Quantization of functional models: fold BatchNorms, then train with fake quantization (see `insert`)."""
