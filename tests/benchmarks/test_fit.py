"""What replay and the fit of a picture cost: the command measures what it says, with tiny numbers."""

import json

import av
import numpy as np
import pytest

from benchmarks.fit import FORMATS, STATES, main, picture, ways
from benchmarks.machine import describe


def test_both_ways_show_the_same_picture():
    frame = av.VideoFrame.from_ndarray(picture((270, 480)), format="rgb24")
    for form in FORMATS:
        old, new = (way(frame.reformat(format=form)) for way in ways((90, 160)).values())
        assert old.shape == new.shape == (90, 160, 3)
        assert float(np.abs(old.astype(int) - new).mean()) < 2


def test_the_command_keeps_every_raw_value_and_its_machine(tmp_path, capsys):
    words = ["--seconds", "1", "--times", "1", "--rounds", "3", "--size", "90", "161"]
    assert main([*words, "--json", str(tmp_path / "fit.json")]) == 0
    result = json.loads((tmp_path / "fit.json").read_text())
    assert json.loads(capsys.readouterr().out) == result["summary"]
    assert result["machine"].keys() == describe().keys()
    spent_s = result["replay"]["process_cpu_s"]
    assert {name: len(each) for name, each in spent_s.items()} == {"replay": 1, "daemon": 1, "start": 1}
    assert all(value > 0 for each in spent_s.values() for value in each)
    assert result["replay"]["scored"] == {"replay": [1], "daemon": [1], "start": [1]}
    assert result["replay"]["clip"]["size_px"] == result["fit"]["size_px"] == [90, 160]
    for form in FORMATS:
        for state in STATES:
            each = result["fit"]["fit_cpu_ns"][form][state]
            assert {way: len(values) for way, values in each.items()} == {"old": 3, "new": 3}
            assert all(value > 0 for values in each.values() for value in values)


def test_numbers_that_are_none_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--times", "0"])
    assert "must be positive" in capsys.readouterr().err
