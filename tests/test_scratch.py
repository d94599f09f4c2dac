import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edge import scratch
from edge.model.bundle import Bundle, unpack

ROOT = Path(__file__).parents[1]
TEMPFILE = re.compile(r"\bimport [\w., ]*\btempfile\b|\bfrom tempfile import\b")  # in a child's text, too
CHILD = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from edge.scratch import make_folder
for name in ("store-", "bundle-"):
    (make_folder(name, Path({parent!r})) / "file").write_bytes(b"x")
print("made", flush=True)
sys.stdin.read()
"""


def child(parent):
    code = CHILD.format(root=str(ROOT), parent=str(parent))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "made\n"
    return process


def end(process, number=None):
    if number is not None:
        process.send_signal(number)
    process.communicate()


def test_an_orderly_end_leaves_nothing(tmp_path):
    end(child(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_kill_9_leaves_one_folder_and_the_next_process_removes_it(tmp_path):
    for _ in range(3):
        end(child(tmp_path), signal.SIGKILL)
        assert len(list(tmp_path.iterdir())) == 1
    end(child(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_lives_keeps_its_own(tmp_path):
    first = child(tmp_path)
    (theirs,) = tmp_path.iterdir()
    end(child(tmp_path), signal.SIGKILL)
    end(child(tmp_path))
    assert list(tmp_path.iterdir()) == [theirs]
    assert len(list(theirs.glob("*/file"))) == 2
    end(first)


def test_the_folder_of_the_process_goes_with_the_last_one_in_it(tmp_path):
    one, other = (scratch.make_folder("x-", tmp_path) for _ in range(2))
    (one / "file").touch()
    scratch.remove_folder(one)
    assert list(tmp_path.iterdir()) == [other.parent]
    scratch.remove_folder(other)
    assert list(tmp_path.iterdir()) == []
    assert scratch.make_folder("x-", tmp_path).is_dir()


def test_a_link_and_what_is_not_ours_stay(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / f"{scratch._PREFIX}link").symlink_to(other)
    (tmp_path / f"{scratch._PREFIX}file").touch()
    scratch.sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_no_place_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        scratch.make_folder("x-", tmp_path / "none")
    assert scratch.make_folder("x-").is_relative_to(tempfile.gettempdir())


UNPACK = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from edge.model import bundle
def stuck(archive, folder):
    (folder / "file").write_bytes(b"x")
    print("made", flush=True)
    sys.stdin.read()
bundle.extract = stuck
bundle.unpack(Path("x.zip"), Path({parent!r}) / "new")
"""


def test_kill_9_of_an_installation_leaves_one_folder_and_the_next_removes_it(tmp_path):
    code = UNPACK.format(root=str(ROOT), parent=str(tmp_path))
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "made\n"
        end(process, signal.SIGKILL)
        assert len(list(tmp_path.iterdir())) == 1
    Bundle.open(ROOT / "tests/model/fixtures/cells").pack(tmp_path / "good.zip")
    unpack(tmp_path / "good.zip", tmp_path / "new")
    assert {path.name for path in tmp_path.iterdir()} == {"good.zip", "new"}


@pytest.mark.parametrize(
    "text",
    [
        "import tempfile",
        "import os, tempfile as t",
        "def f():\n    from tempfile import mkdtemp",
        'CHILD = "import os; from tempfile import mkdtemp"',
    ],
)
def test_each_spelling_of_the_import_is_found(text):
    assert TEMPFILE.search(text)


@pytest.mark.parametrize(
    "text", ["import os\ntempfile = 1", "import tempfiles", "from edge.scratch import x"]
)
def test_no_other_import_is_taken_for_it(text):
    assert not TEMPFILE.search(text)


def test_nobody_else_makes_temporary_folders():
    """But for what lives for a moment in a process of its own, and the checkout's own tools."""
    allowed = {"edge/scratch.py", "firmware_sim/rtsp_child.py"}
    rooms = ("edge", "scoring", "deploy", "receive", "firmware_sim", "benchmarks", "training")
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in files if TEMPFILE.search(path.read_text())}
    assert found == allowed
