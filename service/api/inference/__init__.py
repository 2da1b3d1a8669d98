"""The data plane: sample and score, as JSON, as bytes and by the Open Inference Protocol."""
