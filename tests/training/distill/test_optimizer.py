"""Muon moves the hidden kernels, and nothing else is moved twice or left out."""

import pytest
import torch
from torch import nn

from training.distill.optimizer import Muon, optimizers
from training.distill.setting import MuonSettings, Training
from training.network.memory import laid_out
from training.network.resnet import build


def network():
    torch.manual_seed(0)
    return laid_out(build("resnet10-narrow", "strided", 10), torch.channels_last)


def step(net, moving):
    net(torch.randn(4, 3, 32, 32)).logsumexp(dim=1).sum().backward()
    for optimizer in moving:
        optimizer.step()


def test_every_parameter_is_moved_by_one_optimizer():
    net = network()
    muon, sgd = optimizers(net, Training(epochs=1, muon=MuonSettings()))
    of_sgd = {id(parameter) for group in sgd.param_groups for parameter in group["params"]}
    hidden = {
        name for name, parameter in net.named_parameters() if name.startswith("layer") and parameter.ndim == 4
    }
    assert {name for name, parameter in net.named_parameters() if id(parameter) not in of_sgd} == hidden
    assert sum(len(group["params"]) for group in muon.param_groups) == len(hidden)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)  # blocks begin as their skip: gradients inside them would be zero
    before = {name: parameter.clone() for name, parameter in net.named_parameters()}
    step(net, [muon, sgd])
    assert not [name for name, parameter in net.named_parameters() if torch.equal(parameter, before[name])]


def test_settings_reach_the_groups():
    settings = MuonSettings(learning_rate=0.02, weight_decay=0.01, momentum=0.8, iterations=4)
    muon, sgd = optimizers(network(), Training(epochs=1, muon=settings))
    (group,) = muon.param_groups
    told = {name: group[name] for name in ("initial_lr", "weight_decay", "momentum", "ns_steps")}
    assert told == {"initial_lr": 0.02, "weight_decay": 0.01, "momentum": 0.8, "ns_steps": 4}
    kernels, others = sgd.param_groups
    assert [group["weight_decay"] for group in (kernels, others)] == [5e-4, 0.0]
    assert {parameter.ndim for parameter in others["params"]} == {1}


def test_without_muon_sgd_moves_everything():
    net = network()
    (sgd,) = optimizers(net, Training(epochs=1))
    assert sum(len(group["params"]) for group in sgd.param_groups) == len(list(net.parameters()))


def test_an_update_by_muon_is_nearly_orthogonal_and_of_the_size_of_its_rate():
    torch.manual_seed(1)
    kernel = nn.Parameter(torch.randn(16, 8, 3, 3).to(memory_format=torch.channels_last))
    before = kernel.detach().clone()
    muon = Muon([kernel], lr=0.5, weight_decay=0.0, momentum=0.9, ns_steps=5)
    kernel.grad = torch.randn_like(kernel)
    muon.step()
    moved = (kernel.detach() - before).permute(0, 2, 3, 1).flatten(1) / 0.5
    assert torch.linalg.svdvals(moved).clamp(0.5, 1.5).sub(torch.linalg.svdvals(moved)).abs().max() < 0.1
    u, _, vh = torch.linalg.svd(kernel.grad.permute(0, 2, 3, 1).flatten(1), full_matrices=False)
    assert torch.nn.functional.cosine_similarity(moved.flatten(), -(u @ vh).flatten(), dim=0) > 0.9


@pytest.mark.parametrize("shape", [(16, 8, 3, 3), (40, 4, 3, 3)])
def test_kernels_move_as_torchs_own_moves_their_matrices(shape):
    torch.manual_seed(2)
    kernel = nn.Parameter(torch.randn(shape).to(memory_format=torch.channels_last))
    matrix = nn.Parameter(kernel.detach().permute(0, 2, 3, 1).flatten(1).clone())
    settings = {"lr": 0.5, "weight_decay": 0.2, "momentum": 0.9, "ns_steps": 3}
    ours, theirs = Muon([kernel], **settings), torch.optim.Muon([matrix], **settings)
    for _ in range(3):
        before = matrix.detach().clone()
        kernel.grad = torch.randn_like(kernel)
        matrix.grad = kernel.grad.permute(0, 2, 3, 1).flatten(1).clone()
        ours.step()
        theirs.step()
        moved = kernel.detach().permute(0, 2, 3, 1).flatten(1) - before
        apart = moved - (matrix.detach() - before)
        assert float(apart.norm() / moved.norm()) < 0.02
        with torch.no_grad():
            matrix.copy_(kernel.permute(0, 2, 3, 1).flatten(1))


def test_a_gradient_that_is_forgotten_moves_nothing():
    kernel = nn.Parameter(torch.randn(4, 4, 3, 3).to(memory_format=torch.channels_last))
    before = kernel.detach().clone()
    muon = Muon([kernel], lr=0.5, weight_decay=0.0, momentum=0.9, ns_steps=5)
    kernel.grad = torch.randn_like(kernel)
    muon.zero_grad()
    muon.step()
    assert torch.equal(kernel, before)
