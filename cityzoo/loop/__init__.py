"""From camera counts over a forecast to signal plans in shadow mode: nothing is switched."""
