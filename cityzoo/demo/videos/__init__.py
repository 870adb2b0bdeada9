"""Videos of the demo streets: the same vehicles in motion, with exact tracks, counts and incidents."""
