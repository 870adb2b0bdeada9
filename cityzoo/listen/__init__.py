"""Listen to microphones, recordings and streams: sounds and keywords, speech as text, what a caller wants."""

RATE = 16_000  # Hz, everywhere
