"""browser_pool.instrumentation: hooks for those who watch a pool; each is small, and none is needed.

- `logs`: events as structlog events, which a pool gets by default
- `prometheus`: events and statistics as metrics
- `traces`: events as OpenTelemetry spans
"""
