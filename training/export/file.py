"""Float files of a network, before quantization: TFLite by litert-torch, ONNX by torch."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the converters' running commentary from the user; warnings and errors of their logs still come."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def export_tflite(network: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> None:
    """Write a network as float TFLite; its tensors are `serving_default_args_0` …, `…_output_0_output` ….

    Args:
        network: contiguous weights: litert-torch 0.10 reads channels-last ones in the wrong order and says nothing.
        inputs: of its shapes.
        path: of the file.
    """
    import litert_torch  # noqa: PLC0415 — seconds to import

    with quiet():
        litert_torch.convert(network, inputs).export(str(path))


def export_onnx(
    network: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    input_names: Sequence[str],
    output_names: Sequence[str],
) -> None:
    """Write a network as float ONNX (opset 18), optimised as ONNX Runtime's quantizer wants it."""
    raw = path.with_suffix(".raw.onnx")
    with quiet():
        torch.onnx.export(
            network,
            inputs,
            str(raw),
            input_names=list(input_names),
            output_names=list(output_names),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        quant_pre_process(str(raw), str(path), skip_symbolic_shape=True)
    raw.unlink()
