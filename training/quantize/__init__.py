"""Quantization, for any network: PTQ, fake quantization, both files from one set of ranges."""
