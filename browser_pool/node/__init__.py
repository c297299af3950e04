"""browser_pool.node: Chromium by way of Playwright and its Node driver, for those who want a Playwright page.

The driver costs 115 MB and its share of the processor, and Playwright's package 17 MB of Python; a pool whose leases
need no page does without all of that, see `cdp`.

- `driver`: the Node process; `line`: the DevTools protocol through it
- `lane`, `context`, `browser`: what the pool leases
"""
