"""The service: train, watch, sample and score over HTTP."""
