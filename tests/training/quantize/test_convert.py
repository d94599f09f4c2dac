"""Folding, and what the converters make of it: both files hold the network that fake quantization simulates."""

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from edge.errors import BundleError
from edge.model.load import load_runtime
from edge.model.manifest import Manifest, Normalisation
from edge.model.selftest import compare, score_frames
from training.cifar10 import bundle, data
from training.cifar10.data import SCALE, SIDE_PX
from training.cifar10.report import measure
from training.distill import fit, view
from training.distill.images import Images, Scale
from training.export import bundle as export
from training.network.resnet import ResNet, build
from training.network.shape import Shape
from training.quantize import convert
from training.quantize.bits import set_bits, spread
from training.quantize.fold import FoldedResNet
from training.quantize.onnx_file import CALIBRATION_METHODS


@pytest.fixture(scope="module")
def network():
    """A network with statistics of its own in every batch norm, channels last in memory as trained ones are."""
    torch.manual_seed(1)
    return with_statistics(build("resnet10-narrow", "strided", 10))


def with_statistics(made):
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    return made.to(memory_format=torch.channels_last).eval()


@pytest.fixture(scope="module")
def test_images(strips, tmp_path_factory):
    whole = data.load(strips, 100, tmp_path_factory.mktemp("x")).test
    return Images(whole.pixels[:100], whole.labels[:100], "", SCALE)


@pytest.fixture(scope="module")
def pixels(test_images):
    return view.normalise(test_images.pixels[:32], SCALE)


@pytest.fixture(scope="module")
def made(network, pixels, tmp_path_factory):
    """The quantized network as simulated, and its bundle."""
    return convert_all(network, pixels, tmp_path_factory.mktemp("made"))


def convert_all(network, pixels, folder):
    folded = FoldedResNet(network, SIDE_PX, SCALE).eval()
    convert.set_ranges(folded, convert.observe(folded, pixels))
    set_bits(folded, spread(folded, 8))
    convert.set_mode(folded, "fixed")
    plain = convert.plain(folded)
    convert.export_tflite(plain, folder / "f.tflite")
    convert.export_onnx(plain, folder / "f.onnx")
    ranges = convert.get_ranges(folded)
    files = {
        "model.tflite": convert.quantize_tflite(folder / "f.tflite", plain, ranges, pixels[:4]),
        "model.onnx": convert.quantize_onnx(folder / "f.onnx", plain, ranges, pixels[:4]),
    }
    floats = {
        "model.tflite": (folder / "f.tflite").read_bytes(),
        "model.onnx": (folder / "f.onnx").read_bytes(),
    }
    return (
        folded,
        bundle.write(folder / "b", "t", files, "card"),
        bundle.write(folder / "f", "t", floats, "card"),
    )


def frames(test_images):
    return test_images.pixels.permute(0, 2, 3, 1).contiguous().numpy()


def scores(made_bundle, backend, test_images):
    runtime = load_runtime(made_bundle, backend)
    return score_frames(made_bundle, runtime, frames(test_images)).reshape(len(test_images), -1)


def test_folding_changes_nothing(network, test_images):
    ours = fit.predict(FoldedResNet(network, SIDE_PX, SCALE).eval(), test_images)
    assert torch.allclose(ours, fit.predict(network, test_images), atol=1e-4)


def test_a_dead_channel_keeps_its_bias_within_32_bits(network):
    dead = build("resnet10-narrow", "strided", 10)
    dead.load_state_dict(network.state_dict())
    dead.bn1.weight.data[3] = 1e-12
    weight = FoldedResNet(dead.eval(), SIDE_PX, SCALE).stem.weight[3].detach().abs()
    assert float(weight.max()) == pytest.approx(1e-4)


@pytest.mark.parametrize("backend", ["litert", "onnx"])
def test_float_files_compute_what_torch_computes(network, made, test_images, backend):
    """Among others against litert-torch's silent misreading of channels-last weights."""
    expected = fit.predict(FoldedResNet(network, SIDE_PX, SCALE).eval(), test_images).numpy()
    # the exported weights lie on the 8-bit grid already
    assert np.abs(scores(made[2], backend, test_images) - expected).max() < 0.05 * np.abs(expected).max()
    baked = fit.predict(convert.plain(made[0]), test_images).numpy()
    assert np.abs(scores(made[2], backend, test_images) - baked).max() < 1e-3


@pytest.mark.parametrize("backend", ["litert", "onnx"])
def test_quantized_files_compute_what_was_simulated(made, test_images, backend):
    folded, quantized, _ = made
    _, spec = quantized.model_file(backend)
    step = spec.one("scores").scale
    simulated = fit.predict(folded, test_images).numpy()
    apart = np.abs(scores(quantized, backend, test_images) - simulated) / step
    assert apart.max() <= 6
    assert apart.mean() < 1.5


def test_both_files_take_the_same_ranges(made, test_images):
    _, quantized, _ = made
    agreement = compare(quantized, frames(test_images))
    assert agreement.good
    specs = [quantized.model_file(backend)[1] for backend in ("litert", "onnx")]
    for role in ("frame", "scores"):
        litert, onnx = (spec.one(role) for spec in specs)
        assert litert.scale == pytest.approx(onnx.scale, rel=1e-6)
        assert litert.zero_point == onnx.zero_point - 128
    assert (specs[0].one("frame").scale, specs[0].one("frame").zero_point) == (1 / 64, 0)


def test_every_tensor_of_the_tflite_file_is_an_integer(made):
    _, quantized, _ = made
    interpreter = Interpreter(model_content=quantized.read("model.tflite"))
    kinds = {np.dtype(detail["dtype"]).name for detail in interpreter.get_tensor_details()}
    assert kinds <= {"int8", "int32"}


@pytest.mark.parametrize("method", CALIBRATION_METHODS)
def test_calibrators_give_every_point_a_range(network, pixels, tmp_path, method):
    plain = convert.plain(FoldedResNet(network, SIDE_PX, SCALE).eval())
    convert.export_onnx(plain, tmp_path / "f.onnx")
    ranges = convert.calibrate(tmp_path / "f.onnx", plain, pixels, method)
    shown = convert.observe(plain, pixels)
    assert ranges.keys() == shown.keys() - {convert.POOLED}
    for name, (low, high) in ranges.items():
        assert shown[name][0] * 1.01 - 1e-3 <= low <= 0.0 < high <= shown[name][1] * 1.01
    if method == "minmax":
        assert all(ends == pytest.approx(shown[name], rel=1e-3, abs=1e-4) for name, ends in ranges.items())


def test_ranges_of_another_network_are_refused(network, pixels, tmp_path):
    plain = convert.plain(FoldedResNet(network, SIDE_PX, SCALE).eval())
    convert.export_tflite(plain, tmp_path / "f.tflite")
    torch.manual_seed(5)
    other = convert.plain(FoldedResNet(build("resnet10-narrow", "strided", 10).eval(), SIDE_PX, SCALE).eval())
    with pytest.raises(ValueError, match="no tensor of the file is that of"):
        convert.quantize_tflite(tmp_path / "f.tflite", other, convert.observe(other, pixels), pixels[:4])


def test_four_bit_weights_are_smaller_and_run(made, test_images, pixels, tmp_path):
    folded, quantized, _ = made
    set_bits(folded, spread(folded, 4))
    try:
        plain = convert.plain(folded)
        simulated = fit.predict(folded, test_images).numpy()
    finally:
        set_bits(folded, spread(folded, 8))
    convert.export_tflite(plain, tmp_path / "f.tflite")
    file = convert.quantize_tflite(tmp_path / "f.tflite", plain, convert.get_ranges(folded), pixels[:4], 4)
    assert len(file) < 0.65 * len(quantized.read("model.tflite"))
    four = bundle.write(tmp_path / "b", "t", {"model.tflite": file}, "card")
    found = scores(four, "litert", test_images)
    assert np.corrcoef(found.ravel(), simulated.ravel())[0, 1] > 0.98


def test_the_written_bundle_is_verified_and_has_a_selftest(made):
    _, quantized, _ = made
    quantized.verify()
    assert {"model.tflite", "model.onnx", "card.md", "selftest.npz"} == set(quantized.manifest.files)
    (quantized.folder / "card.md").write_text("changed")
    with pytest.raises(BundleError):
        quantized.verify()


def test_packed_bytes_count_bits(network):
    folded = FoldedResNet(network, SIDE_PX, SCALE).eval()
    weights = sum(layer.weight.numel() for layer in folded.layers().values())
    channels = sum(len(layer.weight) for layer in folded.layers().values())
    for layer in folded.layers().values():
        layer.set_bits(4)
    assert measure.packed_bytes(folded) == pytest.approx(weights / 2 + 8 * channels, abs=len(folded.layers()))


def test_bottlenecks_are_converted_too(pixels, test_images, tmp_path):
    """As in ResNet-152; 1×1 convolutions, an expansion and a skip that widens."""
    folded, files, _ = convert_all(
        with_statistics(ResNet(Shape((1, 2, 1, 1), 8, 4), "strided", 10)), pixels, tmp_path
    )
    simulated = fit.predict(folded, test_images).numpy()
    for backend in ("litert", "onnx"):
        found = scores(files, backend, test_images)
        assert (found.argmax(axis=1) == simulated.argmax(axis=1)).mean() > 0.9


def test_other_sides_scales_and_numbers_of_classes_are_converted(tmp_path):
    """Nothing on the way from network to bundle knows one data set."""
    torch.manual_seed(4)
    scale = Scale(zero=100, unit=50)
    pixels = torch.randint(0, 256, (8, 3, 48, 48), dtype=torch.uint8)
    given = Images(pixels, torch.zeros(8, dtype=torch.int64), "", scale)
    network = with_statistics(build("resnet10-narrow", "full", 3))
    folded = FoldedResNet(network, 48, scale).eval()
    assert torch.allclose(fit.predict(folded, given), fit.predict(network, given), atol=1e-4)
    shown = view.normalise(pixels, scale)
    assert (float(folded.frame.low), float(folded.frame.high)) == pytest.approx((-2.0, 3.1))
    convert.set_ranges(folded, convert.observe(folded, shown))
    set_bits(folded, spread(folded, 8))
    convert.set_mode(folded, "fixed")
    simulated = fit.predict(folded, given).numpy()
    plain, ranges = convert.plain(folded), convert.get_ranges(folded)
    convert.export_tflite(plain, tmp_path / "f.tflite")
    convert.export_onnx(plain, tmp_path / "f.onnx")
    files = {
        "model.tflite": convert.quantize_tflite(tmp_path / "f.tflite", plain, ranges, shown[:4]),
        "model.onnx": convert.quantize_onnx(tmp_path / "f.onnx", plain, ranges, shown[:4]),
    }
    manifest = Manifest(
        schema="1.0",
        name="t",
        version="1",
        task="classify",
        kind="logits",
        labels=("a", "b", "c"),
        files={},
        normalisation=Normalisation(mean=(100 / 255,) * 3, std=(50 / 255,) * 3),
        tolerance_steps=4.0,
    )
    made = export.write(tmp_path / "b", manifest, files, "card")
    for backend in ("litert", "onnx"):
        apart = np.abs(export.scores(made, given.frames(), backend) - simulated)
        assert apart.max() / made.model_file(backend)[1].one("scores").scale <= 6
