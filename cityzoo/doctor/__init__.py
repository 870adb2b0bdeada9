"""Check of an installation: packages, devices, speed, caches, weights, combinations that are known not to work."""
