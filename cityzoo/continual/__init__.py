"""A model over time: whether new data drifted, the runs that continue each other, and what they forgot."""
