"""`tidegate debug`: one page opened where a person can watch, and why it was read as it was.

- `look`: open, read, diagnose, outline, keep, wait for the person
- `recorder`: what went over the network, as a HAR
- `folder`: what is kept, and read again by `--replay`
- `comparison`: a replay beside what was read then
- `view`: what is said of it on a terminal
"""
