"""The host side: data, training, quantization, export, evaluation."""
