"""Storage: jobs and their data in SQLite and files. It knows nothing of threads or HTTP."""
