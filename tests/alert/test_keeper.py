"""Memories of the hour go to the disk when it takes them, and come back before any is written."""

from edge.alert.hour import Hour
from edge.alert.keeper import Keeper
from edge.errors import StoreError


class Rows:
    """A store in memory that may refuse."""

    def __init__(self, **rows):
        self.rows, self.refuses, self.asked = dict(rows), False, 0

    def hours(self):
        self.asked += 1
        if self.refuses:
            raise StoreError("event store: it hangs")
        return {camera: Hour(data) for camera, data in self.rows.items()}

    def keep_hour(self, camera, data):
        if self.refuses:
            raise StoreError("event store: no space left")
        self.rows[camera] = data


def test_what_was_kept_is_recalled_once_and_before_anything_is_written():
    store, recalled = Rows(north=b"old"), []
    keeper = Keeper(store, lambda camera, data: recalled.append((camera, data)))
    keeper.offer("north", b"new")
    while keeper.step():
        pass
    assert recalled == [("north", Hour(b"old"))]
    assert store.rows == {"north": b"new"}
    assert store.asked == 1


def test_of_one_camera_only_the_newest_is_written():
    store = Rows()
    keeper = Keeper(store, lambda *_: None)
    keeper.offer("north", b"1")
    keeper.offer("south", b"2")
    keeper.offer("north", b"3")
    while keeper.step():
        pass
    assert store.rows == {"north": b"3", "south": b"2"}


def test_a_disk_that_refuses_is_told_once_and_asked_again(caplog):
    store, recalled = Rows(north=b"old"), []
    store.refuses = True
    keeper = Keeper(store, lambda camera, _: recalled.append(camera))
    assert not any(keeper.step() for _ in range(3))
    assert caplog.text.count("not on disk: event store: it hangs") == 1
    store.refuses = False
    assert keeper.step()
    store.refuses = True
    keeper.offer("north", b"1")
    assert not keeper.step()
    store.refuses = False
    keeper.offer("north", b"2")
    assert keeper.step()
    assert not keeper.step()
    assert recalled == ["north"]
    assert store.rows == {"north": b"2"}


def test_only_what_is_urgent_is_written_in_a_hurry_and_after_it_was_read():
    store, recalled = Rows(north=b"old"), []
    keeper = Keeper(store, lambda camera, _: recalled.append(camera))
    assert not keeper.hurry()
    keeper.offer("north", b"1")
    assert not keeper.hurry()
    assert store.asked == 0
    keeper.offer("south", b"2", urgent=True)
    assert keeper.hurry()
    assert recalled == ["north"]
    assert store.rows == {"north": b"old", "south": b"2"}
    assert not keeper.hurry()


def test_what_is_urgent_is_tried_until_it_is_on_disk_and_in_a_hurry_once():
    store = Rows(north=b"old")
    keeper = Keeper(store, lambda *_: None)
    keeper.step()
    store.refuses = True
    keeper.offer("north", b"1", urgent=True)
    assert not keeper.hurry()
    store.refuses = False
    assert not keeper.hurry()  # events first
    keeper.offer("north", b"2")  # newer, and without what was forgotten as well
    assert keeper.step()
    assert store.rows == {"north": b"2"}
    keeper.offer("north", b"3", urgent=True)
    assert keeper.hurry()
