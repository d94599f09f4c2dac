"""What every test shares: the settings of hypothesis, and where a developer's real data lie."""

import os
from pathlib import Path

import hypothesis
import pytest

# Tests run a process a core and one more. Threads of these would wait for each other in busy loops, and beside other
# work for as long as that takes: tests of seconds took ten minutes. Set before numpy and torch are imported.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
# Before any test imports ONNX Runtime, also one that takes nothing of `edge`.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# A busy machine is slow, not wrong: no test asserts a wall-clock time.
hypothesis.settings.register_profile(
    "firetower", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("firetower")

# Files of minutes, the longest first, so that no worker is left alone with one at the end.
_LONGEST = tuple(
    f"tests/{file}.py"
    for file in (
        "training/cifar10/test_experiment", "command/test_run", "network/test_resolver", "training/distill/test_fit",
        "training/smoke/test_experiment", "deploy/test_loopback", "network/test_network", "training/test_network",
        "training/quantize/test_convert", "test_wheel",
    )
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: workers take whole files, in the order of the tests."""
    place = {file: number for number, file in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Escape names that are not UTF-8 in what a test printed and logged: a worker could not send its report."""
    report = yield
    report.sections = [
        (name, said.encode(errors="backslashreplace").decode()) for name, said in report.sections
    ]
    return report


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real data beside a developer's checkout; nobody else has it."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("FIRETOWER_SHARED", beside))
    if not folder.is_dir():
        pytest.skip("no real data here; set FIRETOWER_SHARED to the folder that holds data/wildfire")
    return folder
