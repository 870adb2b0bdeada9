"""How good the counts, tracks and alarms of a watch are, compared with a truth."""
