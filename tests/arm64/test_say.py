"""What a long check says of its progress."""

import re
import threading

import pytest

from arm64 import __main__ as commands
from arm64 import say


def test_a_check_says_how_long_it_takes_and_how_far_it_is(capsys, monkeypatch):
    said, third = [], threading.Event()

    def listen(line):
        said.append(line)
        if len(said) == 3:
            third.set()

    monkeypatch.setattr(say, "say", listen)
    with say.progress("suite", 850, every_s=0.01):
        assert third.wait()
    assert said[0] == "suite begins: about 14 min"
    assert re.fullmatch(r"suite: \d+ s of about 14 min", said[1])
    assert re.fullmatch(r"suite took \d+ s", said[-1])


def test_one_that_never_ran_says_only_how_long_it_has_run(monkeypatch):
    said = []
    monkeypatch.setattr(say, "say", said.append)
    with pytest.raises(RuntimeError), say.progress("new", None):
        raise RuntimeError
    assert said[0] == "new begins"
    assert re.fullmatch(r"new took \d+ s", said[-1])


def test_durations_are_for_people():
    assert [say.duration(seconds) for seconds in (0.4, 89, 95, 3092)] == ["0 s", "89 s", "2 min", "52 min"]


def test_the_usual_times_are_those_of_the_committed_result():
    usual = commands.usual_s()
    assert usual.keys() >= commands.CHECKS.keys() | commands.LONG.keys()
    assert all(seconds > 0 for seconds in usual.values())


@pytest.mark.parametrize("words", [["--fetch"], *([name] for name in commands.CHECKS | commands.LONG)])
def test_nothing_begins_before_the_kernel_can_start_arm64_programs(words, monkeypatch, tmp_path, capsys):
    def refuse():
        raise RuntimeError("binfmt_misc cannot be mounted")

    monkeypatch.setattr(commands.need, "problems", lambda _wanted: [])
    monkeypatch.setattr(commands.need, "enable_binfmt", refuse)
    assert commands.main([*words, "--work", str(tmp_path)]) == 2
    assert "binfmt_misc cannot be mounted" in capsys.readouterr().err
