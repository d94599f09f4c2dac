"""Firetower's device side: cameras in, smoke events out, with counters that say how they know."""

import os

__version__ = "0.1.0"

# ONNX Runtime reports to its maker from its import on, unless the environment said this before; children inherit it.
# It stands here because whatever imports that library has imported `edge` first (tests/network).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# OpenCV tells of each damaged picture on standard error, past the log.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
