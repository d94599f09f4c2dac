import os
import shutil

import pytest

from edge.alert.database import Database
from edge.alert.place import Place, rehearse
from edge.alert.store import Store
from edge.errors import StoreError
from tests.alert.event import event


def stored(path):
    with Database(path) as database:
        return [(one.id, one.revision) for one in reversed(Store(database).events())]


def opened(place, mine=()):
    return [(one.id, one.revision) for one in place.open(mine)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "e.db"


def test_it_opens_when_it_can_and_closes_what_an_earlier_process_left_open(path):
    with Place(lambda: path) as place:
        for trial in (lambda: opened(place), lambda: place.commit(event()), place.counts):
            with pytest.raises(StoreError, match=r"there is no folder|is not open"):
                trial()
        path.parent.mkdir()
        assert opened(place) == []
        assert place.commit(event("a"))
        assert place.commit(event("b", 3, "updated"))
    with Place(lambda: path) as place:
        assert opened(place, {"b"}) == [("a", 2)]
        assert opened(place) == []
        assert place.counts().open_events == 1
    assert stored(path) == [("a", 2), ("b", 3)]


def test_an_opening_that_takes_no_closing_is_tried_again_and_repeats_none(path, monkeypatch):
    path.parent.mkdir()
    with Place(lambda: path) as place:
        opened(place)
        for name in "abc":
            place.commit(event(name))
    commit, left = Store.commit, [1]

    def failing(store, one, evidence=None, images=()):
        if not left:
            raise StoreError("no space left")
        left.pop()
        return commit(store, one, evidence)

    monkeypatch.setattr(Store, "commit", failing)
    with Place(lambda: path) as place:
        seen = []
        with pytest.raises(StoreError, match="no space left"):
            seen.extend(one.id for one in place.open(()))
        left += [1, 1]
        seen.extend(one.id for one in place.open(()))
        assert seen == ["a", "b", "c"]
    assert stored(path) == [("a", 2), ("b", 2), ("c", 2)]


def test_a_place_that_cannot_be_found_is_an_error(path):
    def locate():
        raise FileNotFoundError("no usable temporary folder")

    with pytest.raises(StoreError, match="there is no place for it: no usable temporary folder"):
        opened(Place(locate))


def rename_file(path):
    path.rename(path.with_name("away.db"))


def rename_folder(path):
    path.parent.rename(path.parent.with_name("away"))
    path.parent.mkdir()


def remove(path):
    path.unlink()


def remove_log(path):
    path.with_name("e.db-wal").unlink()


def replace(path):
    with Database(path.with_name("other.db")) as database:
        Store(database).commit(event("other"))
    path.with_name("other.db").replace(path)


@pytest.mark.parametrize(
    ("move", "kept", "old"),
    [
        (rename_file, [("b", 1)], "state/away.db"),
        (rename_folder, [("b", 1)], "away/e.db"),
        (remove, [("b", 1)], None),
        (remove_log, [("a", 1), ("b", 1)], None),
        (replace, [("other", 2), ("b", 1)], None),
    ],
)
def test_a_store_that_was_moved_away_is_noticed_before_the_next_commit(
    tmp_path, path, caplog, move, kept, old
):
    path.parent.mkdir()
    with Place(lambda: path) as place:
        opened(place)
        place.commit(event("a"), b"jpeg")
        move(path)
        opened(place, {"a", "b"})
        assert caplog.text.count("was renamed, replaced or removed while it was open") == 1
        place.commit(event("b"))
        opened(place, {"a", "b"})
        assert caplog.text.count("was renamed, replaced or removed") == 1
    assert stored(path) == kept
    assert not list(path.parent.glob("*corrupt*"))
    if old is not None:
        assert stored(tmp_path / old) == [("a", 1)]  # with its log folded into it


def test_a_store_whose_folder_is_gone_is_an_error_until_it_is_back(path):
    path.parent.mkdir()
    with Place(lambda: path) as place:
        opened(place)
        place.commit(event("a"))
        path.parent.rename(path.parent.with_name("away"))
        for _ in range(2):
            with pytest.raises(StoreError, match="there is no folder"):
                opened(place)
        path.parent.with_name("away").rename(path.parent)
        assert opened(place, {"a"}) == []
        place.commit(event("b"))
    assert stored(path) == [("a", 1), ("b", 1)]


def test_a_rehearsal_leaves_all_as_it_was(path):
    path.parent.mkdir()
    rehearse(path)
    assert list(path.parent.iterdir()) == []
    with Place(lambda: path) as place:
        opened(place)
        place.commit(event())
        before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
        shutil.copytree(path.parent, copy := path.parent.with_name("copy"))  # as a killed one leaves it
        rehearse(copy / "e.db")
        assert {file.name: file.read_bytes() for file in copy.iterdir()} == before
    os.truncate(path, 1000)  # damaged: `run` moves it aside
    rehearse(path)
    assert [file.name for file in path.parent.iterdir()] == ["e.db"]


def test_a_store_behind_a_link_is_where_the_link_leads(tmp_path):
    """SQLite keeps its log beside the target, so that is where damage shows and where a new store comes about."""
    (tmp_path / "disk").mkdir()
    link, real = tmp_path / "e.db", tmp_path / "disk" / "real.db"
    link.symlink_to(real)
    rehearse(link)
    with Place(lambda: link) as place:
        assert opened(place) == []
        assert place.commit(event("a"))
    assert stored(real) == [("a", 1)]
    real.write_bytes(b"SQLite format 3\0" + bytes(5000))
    with Place(lambda: link) as place:
        assert opened(place) == []
        assert place.commit(event("b"))
    assert link.is_symlink()
    assert [file.name for file in real.parent.glob("*corrupt*")] == ["real.db.corrupt-1"]
    assert stored(real) == [("b", 1)]
