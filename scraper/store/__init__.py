"""store: where what was read is kept. Postgres always, SQL in `.sql` files, snapshots append-only.

- `embedded`: an own server for everybody who has none; `binaries`, `account`, `cluster`: its programs, user and data
- `database`, `migrations`: the connection, and the schema brought up to date
- `pagination`: long tables in pages, as memory allows
- `posts`, `opportunities`, `runs`: the rows
"""
