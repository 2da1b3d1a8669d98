"""Benchmarks against alternatives: `python -m tests.benchmarks` measures and prints one table."""
