"""Forecasts of sensor series: baselines, learning, judging, early warning."""
