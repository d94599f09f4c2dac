"""The pool: real and rendered sequences for training, drawn once and kept as feature maps (docs/pool.md)."""
