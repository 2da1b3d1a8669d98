"""Fault injection: scenarios that make real processes fail, and check what must still hold."""
