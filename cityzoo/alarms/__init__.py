"""Alarm rules, alarms raised from forecasts, and their comparison with events."""
