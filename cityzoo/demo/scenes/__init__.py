"""Rendered street scenes for the demo data of camera tasks."""
