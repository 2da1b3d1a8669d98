"""File formats of trained networks: safetensors, ONNX, and a PyTorch program."""
