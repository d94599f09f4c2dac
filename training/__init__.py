"""The host side: data, training, quantization, export, evaluation."""

import edge  # noqa: F401 — before any module here imports ONNX Runtime
