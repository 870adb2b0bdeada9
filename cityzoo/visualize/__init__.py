"""Draw examples, targets and predictions as images."""
