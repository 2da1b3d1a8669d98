"""Sweeps: a GAN for every combination of a grid's values and every seed."""
