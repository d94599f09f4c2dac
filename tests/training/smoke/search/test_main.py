"""The command line: what belongs to the architecture alone, and what the result says of it."""

import argparse
from pathlib import Path

import pytest

from training.smoke.search import command, main
from training.smoke.search.command import IMITATING_STEPS

WORDS = ("search", "--data", "here/wildfire", "--stills", "here/stills", "--result", "search.json")


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    return parser.parse_args([*WORDS, *words])


@pytest.mark.parametrize("words", [("--resnet18",), ("--instructions", "counts.json")])
def test_an_arm_has_no_landmark_and_no_counts(words) -> None:
    with pytest.raises(ValueError, match="belong to the architecture"):
        main._setting(asked("--arm", "labels", *words))
    main._setting(asked(*words))


def test_the_command_is_told_without_folders_and_with_all_that_was_asked() -> None:
    said = main._command(asked("--instructions", "here/counts.json", "--resnet18"))
    assert "--instructions counts.json" in said
    assert f"--resnet18 {IMITATING_STEPS}" in said
    assert "here" not in said
    assert asked("--resnet18", "40").resnet18 == 40
    plain = main._command(asked())
    assert "resnet18" not in plain
    assert "instructions" not in plain


def test_counts_that_cannot_be_read_end_it_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "counts.json").write_text("{")
    with pytest.raises(ValueError, match=r"python -m arm64 instructions"):
        main.handle(asked("--instructions", str(tmp_path / "counts.json")))
