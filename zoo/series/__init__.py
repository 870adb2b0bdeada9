"""Backbones for sensor series: STID, TCN and Graph WaveNet; history in, features of each sensor out."""
