"""bench: speed and memory, as ratios within one run.

`make bench` prints what it measured, on which machine and with which versions. Nothing here is a test, and no test
asserts a time.
"""
