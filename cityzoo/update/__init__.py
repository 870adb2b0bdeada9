"""The periodic update of a model in service: cycles of collecting, labeling, training, a gate and promotion."""
