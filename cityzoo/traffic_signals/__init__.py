"""From forecast flow to green times, and a comparison of signal plans in simulation that touches no signal."""
