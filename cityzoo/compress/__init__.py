"""Make the model of a run smaller and faster, and measure what it costs."""
