"""`tidegate doctor`: what Tidegate needs, whether it is here, and what to do where it is not.

Looking and judging are apart: a `look_…` gathers facts and decides nothing, a `judge_…` is pure and turns facts into
a finding.

- `finding`: good, a note or a failure; and the row that is made of it
- `asking`: commands and blocking calls, each with an end
- `machine`: versions, settings, limits of processes, the clock
- `folders`: where things are written, and /dev/shm
- `chromium`: the executable, Playwright's driver, a window
- `room`: memory, and whether a browser fits into it
- `database`: the one that is set, or the embedded one
- `trial`: a browser launched by the pool, and a page loaded in it; `verdict`: what that says
- `examination`: all of it, in order, each part with a deadline
- `view`: on a terminal, and as JSON
"""
