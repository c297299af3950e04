"""memory: how much is left, and who has been promised it."""
