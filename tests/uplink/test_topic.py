"""Where a tower publishes, and where it may answer."""

import pytest

from edge.uplink.topic import answer, available, command, is_answer, topic


def test_topics_of_a_tower():
    assert available("t-1") == "firetower/t-1/available"
    assert command("t-1") == "firetower/t-1/command"
    assert topic("t-1", "event", "north") == "firetower/t-1/event"
    assert topic("t-1", "health", None) == "firetower/t-1/health"
    assert topic("t-1", "smoke", "north") == "firetower/t-1/camera/north/smoke"
    assert topic("t-1", "image", "n_2.x") == "firetower/t-1/camera/n_2.x/image"
    assert topic("t-1", "discovery", None) == "homeassistant/device/firetower_t-1/config"


@pytest.mark.parametrize(("channel", "camera"), [("smoke", None), ("image", None), ("answer", "north")])
def test_what_has_no_topic(channel, camera):
    with pytest.raises(ValueError, match=r"none is named|where the command said"):
        topic("t-1", channel, camera)


@pytest.mark.parametrize(
    ("place", "allowed"),
    [
        (answer("t-1", "desk"), True),
        (answer("t-1", "desk/7"), True),
        (answer("t-1"), False),
        (answer("t-2", "desk"), False),
        ("firetower/t-1/event", False),
        ("firetower/t-1/answer", False),
        ("firetower/t-1/answers/x", False),
        ("homeassistant/light/x", False),
        (answer("t-1", "#"), False),
        (answer("t-1", "+/x"), False),
        (answer("t-1", "a\0b"), False),
        (answer("t-1", "x" * 64), True),
        (answer("t-1", "x" * 65), False),
        (answer("t-1", "a/b/c/d"), True),
        (answer("t-1", "a/b/c/d/e"), False),
        (answer("t-1", "/" * 250 + "x"), False),
        (answer("t-1", "a\n"), False),
        ("", False),
    ],
)
def test_where_a_tower_may_answer(place, allowed):
    assert is_answer("t-1", place) == allowed
