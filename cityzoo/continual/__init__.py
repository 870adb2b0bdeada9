"""A trained model and new data: whether the data has changed, and what to do about it."""
