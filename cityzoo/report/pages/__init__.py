"""How a report page shows each output; one file per output."""
