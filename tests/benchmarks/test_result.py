import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.result import read
from edge.errors import SettingsError

ROOT = Path(__file__).parents[2]
STORED = ROOT / "docs/results/latency.json"


@pytest.fixture(scope="module")
def stored():
    return json.loads(STORED.read_text())


def write(folder, content):
    path = folder / "r.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_the_stored_latency_result_is_read():
    result = read(STORED)
    assert result.schema == "firetower-latency/1.0"
    assert len(result.timings) == 12
    assert result.energy is None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused(tmp_path, share):
    text = STORED.read_text().strip()
    with pytest.raises(SettingsError, match="no whole result"):
        read(write(tmp_path, text[: int(len(text) * share)]))


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(SettingsError, match="cannot be read"):
            read(path)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("firetower-latency/2.0", "another version"),
        ("pyperf", "expected firetower-latency"),
        (None, "no whole result"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path, stored, schema, said):
    with pytest.raises(SettingsError, match=said):
        read(write(tmp_path, stored | {"schema": schema}))


def test_a_later_minor_version_and_unknown_fields_are_read(tmp_path, stored):
    assert read(write(tmp_path, stored | {"schema": "firetower-board/1.7", "news": [1]})).bundle.name


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("machine"),
        lambda d: d["machine"].update(cores="many"),
        lambda d: d["machine"].update(load_before=["high"]),
        lambda d: d.update(timings=[]),
        lambda d: d["timings"][0].update(invoke_ns=[]),
        lambda d: d["timings"][0]["invoke_ns"].pop(),
        lambda d: d["timings"][0]["invoke_ns"].__setitem__(0, 0),
        lambda d: d["timings"].pop(),
    ],
)
def test_what_is_missing_or_impossible_is_refused(tmp_path, stored, change):
    document = json.loads(json.dumps(stored))
    change(document)
    with pytest.raises(SettingsError, match=r"r\.json: "):
        read(write(tmp_path, document))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused_with_a_message(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "r.json"
    path.write_bytes(content)
    with pytest.raises(SettingsError):
        read(path)


def test_a_refused_file_ends_the_command_with_2(tmp_path):
    bad = write(tmp_path, '{"schema": "firetower-latency/1.0", ')
    command = [sys.executable, "-m", "benchmarks", "compare", str(STORED), str(bad)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"benchmarks: {bad}: no whole result")
