"""Alarm rules, raising and releasing alarms, and matching them with events."""
