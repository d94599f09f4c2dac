"""What a recipe may say of quantization."""

from __future__ import annotations

from training.distill.setting import Above, Positive, Record


class Quantization(Record, frozen=True, kw_only=True):
    """How a network becomes INT8, or weights of fewer bits.

    Attributes:
        qat_epochs: of training on with fake quantization, the network's own loss kept.
        qat_learning_rate: of INT8, which only has to keep what the network knows.
        low_bit_learning_rate: of weights below 8 bits, which have to move to another grid.
    """

    qat_epochs: Positive = 2
    qat_learning_rate: Above = 0.001
    low_bit_learning_rate: Above = 0.01
