"""The demo site: a small social network on loopback, in the shape of the real ones."""
