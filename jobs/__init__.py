"""jobs: what runs, when, and for how long."""
