"""Incidents on a camera: rules observe its frames and raise and release alarms."""
