"""`firetower deploy`: from a configuration on this machine to a service on a board."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from deploy.board import Board, Finding, judge, judge_space, parse
from deploy.configuration import Configuration, gather
from deploy.errors import BoardError, TargetError
from deploy.installation import Installation, Outcome
from deploy.layout import SERVICE, Layout
from deploy.option import parser
from deploy.release import JOURNALD, Release
from deploy.script import Step
from deploy.target import SshTarget, Target
from deploy.unit import journal_limits, render_unit
from deploy.wheel import Wheel, own_wheel
from deploy.wheelhouse import fetch, wanted_by
from edge.scratch import temporary_folder
from edge.text import plain

_COMPILED = 1.3  # an environment is larger than its wheels unpacked by what Python compiles; 1.15 was seen


def command(argv: Sequence[str]) -> int:
    """Deploy once; return the exit code.

    Raises:
        EdgeError: the configuration, the board or the release is at fault; SettingsError for usage.
    """
    options = parser().parse_args(argv)
    with ExitStack() as stack:
        # As Ctrl-C: what ran before shall run again.
        for number in {signal.SIGHUP, signal.SIGTERM} - _ignored():
            stack.callback(signal.signal, number, signal.signal(number, signal.default_int_handler))
        target = stack.enter_context(
            SshTarget(options.target, identity=options.identity, port=options.port, config=options.ssh_config)
        )
        scratch = stack.enter_context(temporary_folder("deploy-"))
        return deploy(target, options, scratch)


def _ignored() -> set[signal.Signals]:
    """Return the signals that whoever started us wants ignored, as nohup does."""
    return {number for number in signal.Signals if signal.getsignal(number) == signal.SIG_IGN}


def deploy(target: Target, options: argparse.Namespace, scratch: Path) -> int:
    """Deploy to a board; see `command`.

    Args:
        target: the board.
        options: of the command line.
        scratch: an empty folder of ours, which may hold secrets.
    """
    layout = Layout(PurePosixPath(options.prefix), "", "")
    configuration = gather(options.file, layout.var, _new(scratch / "config"), options.backend)
    board = _survey(target, layout)
    if isinstance(target, SshTarget):
        target.has_rsync = board.rsync
    layout = replace(layout, login=board.login, login_group=board.login_group)
    warnings = list(configuration.warnings)
    warnings += _judged(judge(board, time.time(), trial=layout.trial))
    if options.memory_max_mib is not None and not board.memory_cgroup:
        warnings.append(
            "the kernel limits no memory: add cgroup_enable=memory to /boot/firmware/cmdline.txt there"
        )
    wheels = _wheels(options, configuration, board, scratch)
    made = _new(scratch / "made")
    governor = configuration.settings.governor
    unit = render_unit(
        layout,
        video=board.video_group,
        store=configuration.store,
        memory_max_mib=options.memory_max_mib,
        serial=None if governor is None else governor.ve_direct,
    )
    (made / SERVICE).write_text(unit, encoding="utf-8")
    (made / JOURNALD).write_text(journal_limits(), encoding="utf-8")
    release = Release(layout, board.python, board.python_minor, wheels, configuration, made)
    installation = Installation(
        target, board, release, _say, wait_s=options.wait_s, settle_s=options.settle_s
    )
    return _bring(installation, release, board, options, warnings)


def _bring(
    installation: Installation,
    release: Release,
    board: Board,
    options: argparse.Namespace,
    warnings: list[str],
) -> int:
    state = installation.compare()
    copied = sum(path.stat().st_size for path in installation.copies(state).values())
    unpacked = sum(each.unpacked_bytes for each in release.wheels if installation.lacks(state, each))
    warnings += _judged(judge_space(board, round(copied + _COMPILED * unpacked)))
    for text in warnings:
        _say(f"warning: {text}")
    about = {
        "target": options.target,
        "release": release.digest,
        "before": board.current,
        "warnings": warnings,
    }
    if state.same:
        _say(f"nothing to do: {options.target} already runs release {release.digest}")
        return _end(about, Outcome(changed=False, cameras=(), health=installation.health()))
    for text in state.differences:
        _say(f"to be done: {text}")
    if options.dry_run:
        for name in (SERVICE, JOURNALD):
            _say(f"\n## {name}\n{(release.made / name).read_text(encoding='utf-8').rstrip()}")
        _say(f"\n## tower.toml\n{release.configuration.shown.rstrip()}")
        installation.show(state)
        _say("\ndry run: nothing was changed")
        print(json.dumps({**about, "dry_run": True, "changed": False}))
        return 0
    return _end(about, installation.install(state))


def _end(about: dict[str, Any], outcome: Outcome) -> int:
    """Tell how it ended."""
    for text in outcome.cameras:
        _say(f"warning: {text}")
    health = outcome.health
    for text in health.reasons:
        _say(f"health: {text}")
    _say(
        f"{about['target']} runs release {about['release']}"
        + (f"; /health says {health.status}" if health.status else "")
    )
    told = {"status": health.status, "reasons": health.reasons}
    print(
        json.dumps(
            {
                **about,
                "dry_run": False,
                "changed": outcome.changed,
                "cameras": outcome.cameras,
                "health": told,
            }
        )
    )
    return 0


def _survey(target: Target, layout: Layout) -> Board:
    """Look at the board.

    Raises:
        TargetError: it cannot be reached or understood.
    """
    variables = {**layout.variables(), "trial": "yes" if layout.trial else "no"}
    done = target.run(Step("survey", variables, root=False))
    if done.code:
        raise TargetError(f"survey.sh failed with {done.code}: {done.err.strip()[-300:]}")
    board = parse(done.out)
    _say(board.summary())
    return board


def _judged(findings: Iterable[Finding]) -> list[str]:
    """Return the doubts.

    Raises:
        BoardError: there is a reason to refuse; nothing was changed.
    """
    findings = list(findings)
    refusals = [finding.text for finding in findings if finding.level == "refuse"]
    if refusals:
        raise BoardError("this board is not fit, nothing was changed: " + "; ".join(refusals))
    return [finding.text for finding in findings]


def _wheels(
    options: argparse.Namespace, configuration: Configuration, board: Board, scratch: Path
) -> tuple[Wheel, ...]:
    """Have the wheels that the board needs."""
    wanted = wanted_by(board, configuration.extras)
    own = own_wheel(options.wheel, options.wheels, _new(scratch / "own"))
    _say(f"- wheels for Python {wanted.python}, {wanted.platforms[0]}")
    return fetch(own, wanted, options.wheels, _cache())


def _cache() -> Path:
    """Return where fetched wheels are kept. Source: XDG Base Directory Specification."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "firetower" / "wheels"


def _new(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder


def _say(text: str) -> None:
    with suppress(OSError):  # a terminal that was closed; the board must not be left half-way for that
        print("\n".join(map(plain, text.split("\n"))), file=sys.stderr, flush=True)
