import torch

from training.step import provenance


def test_a_machine_with_a_gpu_says_which(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    assert provenance.machine()["accelerator"] == "a GPU"


def test_a_machine_without_one_names_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "accelerator" not in provenance.machine()
