"""Persistence in SQLite and files. It knows nothing of threads or HTTP."""
