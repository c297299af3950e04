"""bench: speed and memory, as ratios within one run.

- `task`, `entrants`, `environments`, `roster`: who takes part, what each is given to do, and where it runs
- `workloads`: what is read, and what is true of it
- `cgroup`, `measuring`, `comparison`, `summary`: a run, all runs, and what they come to
- `micro`, `soak`, `fleet`, `scale`: single steps, one pool for long, many machines
- `night`, `night_report`: the whole program for hours
- `lane`, `simulated`: a worker of the program whose pages are simulated
- `report`, `plot`, `markdown`, `machine`: what is written into `docs/`, and with what it was measured

Nothing here is a test, and no test asserts a time.
"""
