"""How a student is taught; known without torch."""

from __future__ import annotations

from dataclasses import dataclass

TRIALS = 4  # of each arm, of what is its own: T and α, or learning rate and weight decay


@dataclass(frozen=True, slots=True)
class Setting:
    """How one head is trained; the seed fixes initialisation, order and augmentation.

    Attributes:
        steps: of the optimizer in all.
        quantized_share: of the steps that fake-quantize, at the end. 0: a teacher's.
        batch: windows a step, half of them smoky.
        learning_rate, weight_decay: of AdamW in one cycle.
        quantized_rate: the peak of the quantized steps.
        cadences: which k-th frames a window is made of, and how often.
        conditions_weight: of the scene's loss.
        projected, width, depth, kernel, plain, context: see `training.smoke.student.head.Shape`.
    """

    steps: int = 400
    quantized_share: float = 0.25
    batch: int = 12
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    quantized_rate: float = 3e-4
    cadences: tuple[tuple[int, float], ...] = ((1, 0.75), (3, 0.25))
    conditions_weight: float = 0.1
    projected: int = 64
    width: int = 96
    depth: int = 2
    kernel: int = 5
    plain: bool = False
    context: bool = True
    seed: int = 0

    @property
    def quantized_steps(self) -> int:
        """Steps of the second part."""
        return round(self.steps * self.quantized_share)

    @property
    def float_steps(self) -> int:
        """Steps of the first part."""
        return self.steps - self.quantized_steps
