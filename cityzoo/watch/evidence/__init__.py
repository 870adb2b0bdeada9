"""What is stored of the frames: redacted clips around alarms, and an annotated video."""
