"""The compiled code: arithmetic, forward passes and the training step, for one GAN and for lanes of GANs."""
