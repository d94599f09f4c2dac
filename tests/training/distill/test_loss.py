import math

import pytest
import torch

from training.distill import loss
from training.distill.setting import Distillation

TEACHER = torch.tensor([[2.0, 0.5, -1.0], [0.0, 3.0, 0.1]])
STUDENT = torch.tensor([[1.0, 1.0, 0.0], [0.3, 0.2, 0.1]])
LABELS = torch.tensor([0, 1])


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def soft(logits, temperature):
    exponents = [math.exp(value / temperature) for value in logits]
    return [value / sum(exponents) for value in exponents]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_kd_is_the_divergence_of_softened_outputs_times_the_temperature_squared(temperature):
    pairs = zip(TEACHER.tolist(), STUDENT.tolist(), strict=True)
    expected = sum(kl(soft(t, temperature), soft(s, temperature)) for t, s in pairs) / 2 * temperature**2
    assert float(loss.distillation(STUDENT, TEACHER, temperature)) == pytest.approx(expected, rel=1e-5)


def test_kd_of_equal_logits_is_nothing():
    assert float(loss.distillation(TEACHER, TEACHER + 7.0, 4.0)) == pytest.approx(0.0, abs=1e-6)


def test_dkd_with_the_teachers_own_weight_is_kd():
    """KD = TCKD + (1 − p of the target) · NCKD (Zhao et al., equation 5), for one image at a time."""
    for teacher, student, label in zip(TEACHER, STUDENT, LABELS, strict=True):
        rest = 1 - soft(teacher.tolist(), 4.0)[int(label)]
        method = Distillation(loss="dkd", target_weight=1.0, other_weight=rest)
        parts = loss.decoupled(student[None], teacher[None], label[None], method)
        whole = loss.distillation(student[None], teacher[None], 4.0)
        assert float(parts) == pytest.approx(float(whole), rel=1e-4)


@pytest.mark.parametrize("kind", ["kd", "dkd"])
def test_alpha_mixes_soft_and_hard(kind):
    hard = float(loss.cross_entropy(STUDENT, LABELS, 0.1))
    ends = [
        float(loss.taught(STUDENT, TEACHER, LABELS, Distillation(loss=kind, alpha=alpha), 0.1))
        for alpha in (0.0, 1.0)
    ]
    middle = float(loss.taught(STUDENT, TEACHER, LABELS, Distillation(loss=kind, alpha=0.7), 0.1))
    assert ends[0] == pytest.approx(hard)
    assert middle == pytest.approx(0.3 * ends[0] + 0.7 * ends[1], rel=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_a_cell_is_two_classes_of_which_one_logit_is_nothing(temperature):
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 5, 4, 6) * 4
    own, soft = (torch.stack([each.flatten(), torch.zeros(120)], dim=1) for each in (student, teacher))
    expected = float(loss.distillation(own, soft, temperature))
    assert float(loss.of_cells(student, teacher, temperature)) == pytest.approx(expected, rel=1e-4)
    assert float(loss.of_cells(teacher, teacher, temperature)) == pytest.approx(0.0, abs=1e-6)


def test_logits_far_from_zero_stay_finite():
    far = torch.tensor([-200.0, 200.0])
    assert torch.isfinite(loss.of_cells(far, -far, 1.0))


def test_a_loss_without_a_teacher_reads_none():
    plain = loss.of_labels(0.1, None)(STUDENT, LABELS, None)
    assert torch.equal(plain, loss.cross_entropy(STUDENT, LABELS, 0.1))
    method = Distillation(alpha=0.7)
    both = loss.of_labels(0.1, method)(STUDENT, LABELS, TEACHER)
    assert torch.equal(both, loss.taught(STUDENT, TEACHER, LABELS, method, 0.1))
