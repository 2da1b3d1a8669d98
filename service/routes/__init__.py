"""The HTTP routes, one file a subject: they know HTTP, and hand over to the registry, which does not."""
