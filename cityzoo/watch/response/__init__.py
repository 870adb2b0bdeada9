"""What an alarm leads to: response plans, acknowledgements, escalation."""
