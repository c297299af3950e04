"""browser_pool: who may use Chromium, and for how long."""
