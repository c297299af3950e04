"""dashboard: what goes on, in a browser tab; and what a machine asks: alive, ready, metrics.

- `state`: what there is to see, gathered from the pool, the readings and the rows
- `site`: the routes; `fence`: who may ask, and what a browser may do with the answer
- `prometheus`: the same figures for Prometheus
- `server`: all of it on a socket, while entered
- `static`: one page, its script and its style; no build step, nothing from elsewhere
"""

from tidegate.dashboard.server import Dashboard

__all__ = ["Dashboard"]
