"""Fine-tuning: devices, views, cached features, phases, the run folder."""
