"""The folder: each message once, whole, wherever the program is killed."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receive.errors import FolderError, MessageError
from receive.inbox import REFUSED_MAX, Inbox

ROOT = Path(__file__).parents[2]


@pytest.fixture
def inbox(tmp_path):
    made = Inbox(tmp_path / "inbox")
    yield made
    made.close()


def names(inbox):
    return sorted(str(path.relative_to(inbox.folder)) for path in inbox.folder.rglob("*") if path.is_file())


def test_a_message_is_kept_once(inbox):
    assert inbox.put("tower-7", "a1.1", b"first")
    assert not inbox.put("tower-7", "a1.1", b"sent again, with another time")
    assert inbox.path("tower-7", "a1.1").read_bytes() == b"first"
    assert inbox.put("tower-8", "a1.1", b"another tower's")
    assert inbox.put("tower-7", "a1.1.crop", b"picture", ".jpg")
    assert names(inbox) == [".lock", "tower-7/a1.1.crop.jpg", "tower-7/a1.1.json", "tower-8/a1.1.json"]


def test_what_is_due_stays_until_it_is_done(inbox):
    inbox.put("tower-7", "a1.1", b"1", due=True)
    inbox.put("tower-7", "note.0a1b2c3d.4", b"2", due=True)
    inbox.put("tower-7", "a1.2", b"3")
    inbox.put("tower-7", "a1.1", b"1", due=True)
    assert sorted(inbox.due()) == [("tower-7", "a1.1"), ("tower-7", "note.0a1b2c3d.4")]
    inbox.did("tower-7", "a1.1")
    inbox.did("tower-7", "a1.1")
    assert inbox.due() == [("tower-7", "note.0a1b2c3d.4")]
    inbox.close()
    again = Inbox(inbox.folder)
    assert again.due() == [("tower-7", "note.0a1b2c3d.4")]
    assert not again.put("tower-7", "a1.1", b"1", due=True)
    assert again.due() == [("tower-7", "note.0a1b2c3d.4")]


@pytest.mark.parametrize(
    ("tower", "key"),
    [("..", "a"), ("", "a"), ("Tower", "a"), (".due", "a"), ("t/../..", "a"), ("tower-7", ""), ("tower-7", "../a"),
     ("tower-7", "a/b"), ("tower-7", "a..b"), ("tower-7", ".a"), ("tower-7", "a\n"), ("tower-7", "a" * 129),
     ("tower-7", "é"), ("t" * 33, "a"), ("tower-7", "a.b.c.d.e.f")],
)  # fmt: skip
def test_names_lead_nowhere_else(inbox, tower, key):
    with pytest.raises(MessageError):
        inbox.put(tower, key, b"x")
    assert names(inbox) == [".lock"]


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_name_leaves_its_folder(tower, key):
    inbox = Inbox.__new__(Inbox)
    inbox.folder = Path("/inbox")
    try:
        path = inbox.path(tower, key)
    except MessageError:
        return
    assert path.parent.parent == Path("/inbox")
    assert "\n" not in str(path)


def test_two_watches_do_not_share_a_folder(inbox):
    with pytest.raises(FolderError, match="another watch"):
        Inbox(inbox.folder)


def test_a_disk_that_takes_nothing_is_an_error_and_the_message_is_not_there(inbox, tmp_path):
    (inbox.folder / ".new").rmdir()
    (inbox.folder / ".new").write_bytes(b"in the way")
    with pytest.raises(FolderError, match="a1"):
        inbox.put("tower-7", "a1.1", b"x", due=True)
    assert not inbox.path("tower-7", "a1.1").exists()
    assert inbox.due() == [], "nor is a program due for it"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FolderError):
        Inbox(tmp_path / "file")


def test_a_name_that_cannot_be_made_leaves_no_program_due(inbox, monkeypatch):
    real = Path.replace

    def full(path, target):
        if Path(target).name == "a1.1.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(FolderError, match="No space"):
        inbox.put("tower-7", "a1.1", b"x", due=True)
    assert inbox.due() == []


def test_names_of_others_are_in_nobodys_way(inbox):
    inbox.close()
    for name in (".due/of somebody else", ".due/x", ".health/Stranger.json", ".health/tower-7.json~"):
        (inbox.folder / name).write_bytes(b"")
    again = Inbox(inbox.folder)
    assert (again.due(), again.healths()) == ([], [])


def test_the_newest_heartbeat_of_each_tower(inbox):
    assert inbox.healths() == []
    for body in (b"1", b"2"):
        inbox.put_health("tower-7", body)
    inbox.put_health("tower-8", b"3")
    assert inbox.healths() == [("tower-7", b"2"), ("tower-8", b"3")]


def test_refused_ones_are_kept_within_a_bound(inbox):
    folder = inbox.folder / ".refused"
    for number in range(REFUSED_MAX):
        (folder / f"{number:06}").touch()
        os.utime(folder / f"{number:06}", (number, number))
    inbox.refuse(REFUSED_MAX, b"body", "no schema")
    kept = sorted(path.name for path in folder.iterdir())
    assert kept == [f"{number:06}" for number in range(1, REFUSED_MAX + 1)]
    assert (folder / kept[-1]).read_bytes() == b"no schema\nbody"


PUT_AND_DIE = """
import os, signal, sys
from pathlib import Path
from receive.inbox import Inbox

inbox, left = Inbox(Path(sys.argv[1])), [int(sys.argv[2])]

def counted(event, _arguments):
    if event != "os.kill" and event.split(".")[0] in {"open", "os"}:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

sys.addaudithook(counted)
inbox.put("tower-7", "a1.1", b"x" * 100_000, due=True)
os._exit(0)
"""


@pytest.mark.parametrize("key", [f"drill.{'a' * 24}.12.acknowledged.{'b' * 64}", f"now.{'b' * 64}"])
def test_a_key_with_the_longest_id_of_a_command_is_taken(tmp_path, key):
    inbox = Inbox(tmp_path)
    assert inbox.put("tower-7", key, b"x")
    assert not inbox.put("tower-7", key, b"x")
    inbox.close()


def test_killed_anywhere_a_message_is_whole_or_comes_again(tmp_path):
    """At every point: nothing half; what is there has its program due; once it is put again, all is as it should be."""
    seen = set()
    for after in range(100):
        folder = tmp_path / str(after)
        child = subprocess.run([sys.executable, "-c", PUT_AND_DIE, folder, str(after)], cwd=ROOT, check=False)
        assert child.returncode in {0, -signal.SIGKILL}
        path = folder / "tower-7" / "a1.1.json"
        there = path.exists()
        seen.add(there)
        assert not there or path.read_bytes() == b"x" * 100_000
        inbox = Inbox(folder)
        assert inbox.due() == ([("tower-7", "a1.1")] if there else [])
        assert inbox.put("tower-7", "a1.1", b"x" * 100_000, due=True) is not there
        assert inbox.due() == [("tower-7", "a1.1")]
        assert names(inbox) == [".due/tower-7 a1.1", ".lock", "tower-7/a1.1.json"]
        inbox.close()
        if child.returncode == 0:
            break
    assert seen == {False, True}
    assert child.returncode == 0
