"""What `make test-fast` runs (fast.txt): of every module of `edge` a test, every real server once."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FAST = (ROOT / "tests/fast.txt").read_text().split()
MODULES = sorted(
    path.relative_to(ROOT / "edge").with_suffix("").as_posix()
    for path in (ROOT / "edge").rglob("*.py")
    if path.name != "__init__.py"
)
# Tested through another one, from outside: which of the fast tests that is.
THROUGH = {
    "__main__": "tests/test_cli.py::test_help_of_every_command",
    "alert/booking": "tests/alert/test_outbox.py",
    "alert/delivery": "tests/alert/test_outbox.py",
    "alert/escalation": "tests/alert/test_outbox.py",
    "alert/fact": "tests/alert/test_damage.py",
    "alert/fate": "tests/alert/test_outbox.py",
    "alert/header": "tests/alert/test_store.py",
    "alert/listing": "tests/alert/test_outbox.py",
    "alert/revision": "tests/test_pipeline.py",
    "alert/tower_store": "tests/test_status.py",
    "camera/answer": "tests/camera/test_snapshot.py",
    "camera/child": "tests/camera/test_csi.py::test_pictures_come_whole_in_order_and_in_colour",
    "camera/container": "tests/camera/test_video.py::test_a_silent_server_ends_in_an_error",
    "camera/encoded": "tests/camera/test_csi.py::test_pictures_come_whole_in_order_and_in_colour",
    "camera/room": "tests/camera/test_video.py::test_a_silent_server_ends_in_an_error",
    "counter/held": "tests/test_status.py",
    "counter/metric": "tests/counter/test_prometheus.py",
    "detect/holding": "tests/test_hour.py",
    "device/cpu_time": "tests/device/test_meter.py",
    "device/sysfs": "tests/device/test_battery.py",
    "http/trust": "tests/http/test_client.py",
    "model/backend": "tests/model/test_registry.py",
    "model/condition": "tests/model/test_manifest.py",
    "model/interface": "tests/model/test_importer.py::test_a_strangers_classifier_names_new_pictures",
    "model/picture_input": "tests/model/test_importer.py::test_a_strangers_classifier_names_new_pictures",
    "uplink/governed": "tests/uplink/test_heartbeat.py",
    "uplink/connection": "tests/uplink/test_conformance.py",
    "uplink/letter": "tests/uplink/test_conformance.py",
    "past": "tests/test_pipeline.py",
    "tower": "tests/test_daemon.py::test_events_are_on_disk_before_they_are_announced",
    "path": "tests/test_settings.py",
    "traffic": "tests/http/test_client.py",
    "uplink/desk": "tests/uplink/test_uplink.py",
}
SERVERS = {
    "GStreamer's RTSP and HTTP MJPEG": "tests/firmware_sim/test_serve.py::test_several_clips_over_both_protocols",
    "cameras on both, read by the daemon's sources": (
        "tests/camera/test_conformance.py::test_a_picture_is_rgb_of_its_stated_size"
    ),
    "an HTTPS receiver of webhooks": "tests/uplink/test_webhook.py::test_what_is_asked",
    "sshd": "tests/deploy/test_loopback.py::test_files_arrive_under_their_names",
    "mosquitto": "tests/uplink/test_conformance.py",
    "the status page": "tests/web/test_server.py",
    "the daemon": "tests/test_cli.py::test_a_running_daemon_tells_its_health_and_ends_on_sigterm",
}


def is_fast(test: str) -> bool:
    """Whether a file, or one test of it, is in the list, by itself or with its folder."""
    return any(test == one or test.startswith((f"{one}/", f"{one}::")) for one in FAST)


def files() -> list[Path]:
    """Return the files of which anything is in the list."""
    found = (ROOT / one.partition("::")[0] for one in FAST)
    return [file for path in found for file in (path.rglob("test_*.py") if path.is_dir() else [path])]


def imported(file: Path) -> set[str]:
    """Return the names that a test imports, and what it takes out of them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return names


FILES = files()
IMPORTED = {name for file in FILES for name in imported(file)}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_of_edge_has_a_fast_test(module):
    room, _, name = module.rpartition("/")
    mirror = ROOT / "tests" / room / f"test_{name}.py"
    direct = mirror in FILES or f"edge.{module.replace('/', '.')}" in IMPORTED
    assert direct or module in THROUGH, f"no test of edge/{module}.py: add one to tests/fast.txt"
    assert not (direct and module in THROUGH), (
        f"edge/{module}.py has a fast test of its own: take it out of THROUGH"
    )


@pytest.mark.parametrize("test", [*THROUGH.values(), *SERVERS.values()])
def test_what_stands_for_a_module_or_a_server_is_fast(test):
    assert is_fast(test)


def test_what_is_fast_exists():
    assert set(THROUGH) <= set(MODULES)
    for one in FAST:
        path, _, name = one.partition("::")
        assert (ROOT / path).exists(), one
        assert not name or f"def {name}(" in (ROOT / path).read_text(), one


def test_the_list_is_in_order_and_names_nothing_twice():
    assert sorted(FAST) == FAST
    assert not [one for one in FAST if any(one != other and one.startswith(f"{other}/") for other in FAST)]
