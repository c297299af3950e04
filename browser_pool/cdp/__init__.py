"""browser_pool.cdp: Chromium spoken to directly, without Playwright and without its Node driver.

Measured on two cores, the same loop over the same pages: 19 to 21 pages/s over bare CDP where Playwright gives 14,
and 190 MB less. The price is that there is no Playwright page here: only the few verbs of a lane.

- `transport`: a pipe to a Chromium of ours; `remote`: a WebSocket to one that runs elsewhere
- `connection`: commands and their answers, events, sessions
- `lane`, `context`, `browser`: what the pool leases, over such a connection
"""
