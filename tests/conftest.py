"""What every test shares: the settings of hypothesis, and where a developer's real data lie."""

import os
from pathlib import Path

import hypothesis
import pytest

# Tests run a process a core. Threads of one more would wait for each other in busy loops, and beside other work
# for as long as that takes: tests of seconds took ten minutes. Before numpy and torch are imported, and for children.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
# Before any test imports ONNX Runtime, also one that takes nothing of `edge`.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# A busy machine is slow, not wrong: no test asserts a wall-clock time.
hypothesis.settings.register_profile(
    "firetower", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("firetower")

# Whole experiments, of minutes: one at the start of each worker's share, so that none is left alone at the end. What
# comes first is also never given to another worker, which would make the fixtures of these files again.
_LONGEST = ("tests/training/cifar10/test_experiment.py", "tests/training/distill/test_fit.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files where the workers begin: each takes a contiguous share, the first or the second half."""
    longest = [[item for item in items if item.nodeid.startswith(file)] for file in _LONGEST]
    rest = [item for item in items if not item.nodeid.startswith(_LONGEST)]
    half = max(0, len(items) // 2 - len(longest[0]))
    items[:] = [*longest[0], *rest[:half], *longest[1], *rest[half:]]


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
