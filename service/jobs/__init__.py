"""The job registry, its queue and its worker threads. It knows nothing of HTTP."""
