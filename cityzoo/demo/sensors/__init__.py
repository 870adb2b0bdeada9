"""Simulated sensor networks for the demo data of forecasting tasks."""
