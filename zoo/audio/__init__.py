"""Backbones of sounds: waveforms in, pooled features out, the log-mel spectrogram inside the network."""
