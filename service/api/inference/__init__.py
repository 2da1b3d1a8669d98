"""The data plane: sampling and scoring as JSON, as binary, and by the Open Inference Protocol (v2)."""
