"""Compiled code: arithmetic, forward passes and the training loop, for one GAN and for lanes of GANs."""
