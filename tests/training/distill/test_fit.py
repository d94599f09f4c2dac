"""The loop: it learns, resumes to the bit, and its networks are those that two processes would train."""

import json
import os
import subprocess
import sys
import time

import pytest
import torch

from training.cifar10 import data
from training.cifar10.recipe import Training
from training.distill import fit, loop, loss, view
from training.distill.setting import MuonSettings
from training.network.memory import laid_out
from training.network.resnet import build
from training.step.process import accelerator

TRAINING = Training(epochs=3, batch=32, learning_rate=0.2, small_share=0.3)
WITH_MUON = Training(epochs=3, batch=32, learning_rate=0.2, small_share=0.3, muon=MuonSettings())


def lesson(strips, tmp_path, soft=None):
    cifar10 = data.load(strips, 468, tmp_path)
    return fit.Lesson(cifar10.training, view.pool(len(cifar10.training), 2, 4, 0), soft, cifar10.validation)


def hard(logits, labels, soft):
    assert soft is None
    return loss.cross_entropy(logits, labels, 0.1)


def run(strips, tmp_path, name, training=TRAINING, **more):
    torch.manual_seed(0)
    network = build("resnet10-narrow", "strided", 10)
    history = fit.fit(network, lesson(strips, tmp_path), hard, training, 5, tmp_path / name, **more)
    return network.state_dict(), history


@pytest.mark.parametrize(
    ("step", "training"), [(1, TRAINING), (9, TRAINING), (13, TRAINING), (13, WITH_MUON)]
)
def test_a_run_that_is_stopped_resumes_to_the_bit(strips, tmp_path, step, training):
    whole, history = run(strips, tmp_path, "whole.pt", training)
    with pytest.raises(loop.Stopped):
        run(strips, tmp_path, "parts.pt", training, stop_after_steps=step)
    resumed, again = run(strips, tmp_path, "parts.pt", training)
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    assert [{**r, "seconds": 0} for r in history] == [{**r, "seconds": 0} for r in again]


def test_the_seconds_of_an_epoch_that_was_stopped_are_those_of_both_parts(strips, tmp_path, monkeypatch):
    now = 1000.0

    def clock():
        nonlocal now
        now += 1.0
        return now

    monkeypatch.setattr(time, "monotonic", clock)
    _, whole = run(strips, tmp_path, "whole.pt")
    with pytest.raises(loop.Stopped):
        run(strips, tmp_path, "parts.pt", stop_after_steps=13)
    now += 5000  # nobody trained meanwhile
    _, parts = run(strips, tmp_path, "parts.pt")
    assert parts[1]["seconds"] == pytest.approx(whole[1]["seconds"], abs=5)


def test_what_is_told_of_the_end_is_told_again_where_a_run_stopped_there(strips, tmp_path):
    shares = []
    with pytest.raises(loop.Stopped):
        run(strips, tmp_path, "a.pt", stop_after_steps=27, tell=shares.append)
    assert len(shares) == 27
    assert max(shares) < 1
    run(strips, tmp_path, "a.pt", tell=shares.append)
    assert shares[27:] == [1.0]


def test_a_checkpoint_that_is_cut_off_is_never_seen(strips, tmp_path, monkeypatch):
    with pytest.raises(loop.Stopped):
        run(strips, tmp_path, "a.pt", stop_after_steps=4)
    before = (tmp_path / "a.pt").read_bytes()

    def full_disk(state, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        run(strips, tmp_path, "a.pt", stop_after_steps=6)
    assert (tmp_path / "a.pt").read_bytes() == before


@pytest.mark.parametrize("muon", [None, MuonSettings()])
def test_it_learns(strips, tmp_path, muon):
    training = Training(epochs=12, batch=32, learning_rate=0.2, cutout_px=0, muon=muon)
    _, history = run(strips, tmp_path, "a.pt", training)
    assert history[-1]["loss"] < history[0]["loss"] - 0.5
    assert history[-1]["validation_accuracy"] > 0.6


def test_a_student_is_given_the_logits_of_the_view_it_sees(strips, tmp_path):
    """Logits that name image and view come back beside that image's pixels in that view."""
    cifar10 = data.load(strips, 468, tmp_path)
    count = len(cifar10.training)
    views = view.pool(count, 2, 4, 0)
    named = (
        torch.stack([torch.arange(count).float() + 1000 * k for k in range(2)])[:, :, None]
        .expand(2, count, 10)
        .half()
    )
    taught = fit.Lesson(cifar10.training, views, named, cifar10.validation)
    training = Training(epochs=2, batch=32, cutout_px=0)
    for epoch in range(2):
        for batch in fit.batches(taught, training, 0, epoch, 0, accelerator()):
            (pixels,), (labels, soft) = batch.inputs, batch.targets
            number = soft[:, 0].long() - 1000 * epoch
            assert torch.equal(labels, cifar10.training.labels[number])
            shown = view.apply(
                cifar10.training.pixels[number], views.flipped[epoch][number], views.shift[epoch][number]
            )
            assert torch.equal(pixels, view.normalise(shown, cifar10.training.scale))


def test_baseline_and_student_see_the_same_pictures_in_the_same_order(strips, tmp_path):
    bare = lesson(strips, tmp_path)
    soft = torch.zeros(2, len(bare.images), 10, dtype=torch.float16)
    taught = lesson(strips, tmp_path, soft)
    for one, other in zip(
        *(fit.batches(x, TRAINING, 3, 1, 0, accelerator()) for x in (bare, taught)), strict=True
    ):
        assert torch.equal(one.inputs[0], other.inputs[0])
        assert torch.equal(one.targets[0], other.targets[0])


def test_every_group_of_both_optimizers_follows_the_triangle(strips, tmp_path):
    network = laid_out(build("resnet10-narrow", "strided", 10), torch.channels_last)
    together = accelerator()
    given = lesson(strips, tmp_path)
    state = loop.Run(network, fit.course_of(given, hard, WITH_MUON, 0, together))
    assert state.steps == 27
    state.step = 20
    state.update(next(fit.batches(given, WITH_MUON, 0, 0, 0, together)))
    share = (1 - 21 / 28) / 0.8
    muon, *sgd = [group["lr"] for optimizer in state._optimizers for group in optimizer.param_groups]
    assert 0 < share < 0.5
    assert muon == pytest.approx(MuonSettings().learning_rate * share)
    assert sgd == pytest.approx([0.2 * share] * 2)


def test_looking_at_the_validation_split_changes_nothing(strips, tmp_path):
    seen, _ = run(strips, tmp_path, "a.pt")
    torch.manual_seed(0)
    network, blind = build("resnet10-narrow", "strided", 10), lesson(strips, tmp_path)
    blind = fit.Lesson(blind.images, blind.views, None, blind.validation.none())
    fit.fit(network, blind, hard, TRAINING, 5, tmp_path / "b.pt")
    assert all(torch.equal(seen[name], value) for name, value in network.state_dict().items())


def test_the_first_epochs_are_of_small_pictures_and_the_average_is_kept(strips, tmp_path):
    sides = [
        next(fit.batches(lesson(strips, tmp_path), TRAINING, 0, epoch, 0, accelerator())).inputs[0].shape[-1]
        for epoch in range(3)
    ]
    assert sides == [24, 32, 32]
    average, _ = run(strips, tmp_path, "a.pt")
    state = torch.load(tmp_path / "a.pt", weights_only=True)
    assert torch.equal(average["fc.weight"], state["average"]["fc.weight"])
    assert not torch.equal(average["fc.weight"], state["network"]["fc.weight"])


@pytest.mark.parametrize("damage", ["tenth", "half", "most", "empty", "other", "list"])
def test_a_checkpoint_that_cannot_be_resumed_says_what_to_do(strips, tmp_path, damage):
    with pytest.raises(loop.Stopped):
        run(strips, tmp_path, "a.pt", stop_after_steps=4)
    path = tmp_path / "a.pt"
    whole = path.read_bytes()
    parts = {"tenth": 0.1, "half": 0.5, "most": 0.9, "empty": 0.0, "other": 1.0}
    if damage == "list":
        torch.save([1, 2], path)
    else:
        path.write_bytes(whole[: round(len(whole) * parts[damage])])
    training = WITH_MUON if damage == "other" else TRAINING
    with pytest.raises(ValueError, match=r"a\.pt: cannot be resumed .* remove it"):
        run(strips, tmp_path, "a.pt", training)


@pytest.mark.timeout(1800)  # two trainings and their rows: a minute alone, many beside other work
def test_two_processes_train_under_accelerate(strips, tmp_path):
    """`accelerate launch` on two CPUs: both train one network, and one of them quantizes and measures it."""
    recipe = tmp_path / "two.toml"
    recipe.write_text("""
        name = "two"
        validation_images = 468
        views = 2
        calibration_images = 16
        members = ["strided/0"]
        [pairs.strided]
        network = "resnet10-narrow"
        stem = "strided"
        training = { epochs = 2, batch = 32, muon = {} }
        quantization = { low_bit_seeds = 0 }
    """)
    launch = f"{sys.executable} -m accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1"
    launch += (
        " --mixed_precision no --dynamo_backend no --main_process_port 0 -m training cifar10 --until evaluate"
    )
    options = ["--recipe", recipe, "--data", strips, "--work", tmp_path / "work"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launch.split(), *map(str, options)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    folders = {path.name.rsplit("-", 1)[0]: path for path in (tmp_path / "work").iterdir()}
    assert {"baseline-strided-0", "student-strided-0", "logits"} <= set(folders)
    record = json.loads((folders["baseline-strided-0"] / "record.json").read_text())
    assert len(record["history"]) == 2
    assert record["processes"] == 2
    trained = torch.load(folders["baseline-strided-0"] / "network.pt", weights_only=True)
    torch.manual_seed(0)
    fresh = build("resnet10-narrow", "strided", 10).state_dict()
    counters = {
        name for name in fresh if name.endswith("num_batches_tracked")
    }  # whole numbers are not averaged
    assert not {name for name, value in fresh.items() if torch.equal(trained[name], value)} - counters
    assert json.loads((folders["logits"] / "record.json").read_text())["shape"] == [2, 300, 10]
    assert {f"student-strided-0-{form}" for form in ("fp32", "int8-ptq", "int8-qat")} <= set(folders)
