"""Data sets: readers and checks, one package per modality."""
