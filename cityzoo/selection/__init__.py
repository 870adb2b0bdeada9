"""Choose examples to label, and labels to check, by a run's predictions and features."""
