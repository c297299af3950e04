"""The entrants of the comparison: one module each, run as a program in an environment of its own."""
