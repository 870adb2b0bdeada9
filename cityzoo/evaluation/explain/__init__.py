"""Explain predictions by gradients and occlusion, with sanity checks."""
