"""`firetower bundle show|verify|pack|unpack|import`: people read stderr, the last line of stdout is JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import MissingExtraError, SettingsError, UnknownBackendError
from edge.model import selftest
from edge.model.alert import AlertRule
from edge.model.bundle import Bundle, bundled_path, unpack
from edge.model.importer import ImportOptions, import_model
from edge.model.label import read_labels, some
from edge.model.load import load_runtime
from edge.model.manifest import SELFTEST_NAME, Threshold
from edge.model.registry import BACKENDS, suffixes
from edge.text import plain

GOOD, FAILED = 0, 1

_TOP = f"""A bundle is a folder, or one .zip in transit, with a manifest.json, a model file for one or more backends
({", ".join(f"{name}: {backend.suffix}" for name, backend in BACKENDS.items())}), a selftest.npz, and in firetower's
own exports a card.md. The manifest holds the sha256 of each file; a file that is not the one it names is never
used."""

_EXAMPLES = """examples:
  firetower bundle show                          the bundle that ships with firetower
  firetower bundle show my-bundle --json | jq .labels
  firetower bundle verify my-bundle --parity     digests, every backend, self-test, agreement of the files
  firetower bundle pack my-bundle my-bundle.zip --backend litert     for a thin link
  firetower bundle import mobilenet.tflite --labels labels.txt --out my-bundle --mean 0.5 --std 0.5"""

_IMPORT = f"""Make a bundle of a classifier from elsewhere: one {" or ".join(suffixes())} file with one colour image
in (float32, uint8 or int8; NHWC or NCHW) and one score a class out. Weights that lie beside an .onnx file are put in.

Labels come from a file: one a line in the order of the classes, an index and a label a line, CSV or JSON; or from
the model, where it brings some. One logit has one label, and means a sigmoid.

Normalisation is in units of a pixel range of 0…1: the network sees (pixel / 255 - mean) / std.
  --mean 0.5 --std 0.5              pixels become -1…1 (Keras MobileNet; 127.5 in units of 0…255)
  --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225     ImageNet, as torchvision has it
  --mean 0 --std 1                  pixels become 0…1
  --mean 0 --std 0.00392157         pixels stay 0…255
An integer input needs neither, if the pixels themselves are what goes in, as is usual."""

_IMPORT_EXAMPLES = """examples:
  firetower bundle import birds.tflite --labels birds.txt --out birds
  firetower bundle import smoke.onnx --labels clear,smoke --out smoke --mean 0.485,0.456,0.406 \\
      --std 0.229,0.224,0.225 --scores logits --size 224x224 --alert smoke=2.0
then:
  firetower bundle verify birds
  firetower replay --bundle birds --frames images/     a line of JSON for each picture"""


def register(commands: Any) -> None:  # noqa: ANN401 — argparse's subparsers have no public type
    """Add `bundle` to a program's subcommands; `arguments.handler(arguments)` then runs it."""
    raw = argparse.RawDescriptionHelpFormatter
    bundle = commands.add_parser(
        "bundle",
        help="show, check, pack and import models",
        description=_TOP,
        epilog=_EXAMPLES,
        formatter_class=raw,
    )
    verbs = bundle.add_subparsers(dest="verb", required=True, metavar="show|verify|pack|unpack|import")
    show = verbs.add_parser("show", help="what a bundle is")
    show.add_argument("bundle", type=Path, nargs="?", help="folder or .zip (default: the bundled one)")
    show.add_argument("--json", action="store_true", help="the manifest as one line of JSON")
    show.set_defaults(handler=_show)
    verify = verbs.add_parser(
        "verify", help="check digests, load every file in a child process, run its self-test"
    )
    verify.add_argument("bundle", type=Path, nargs="?", help="folder or .zip (default: the bundled one)")
    verify.add_argument(
        "--parity", action="store_true", help="fail unless the model files agree on the self-test's frames"
    )
    verify.set_defaults(handler=_verify)
    pack = verbs.add_parser("pack", help="make one .zip of a folder, the same bytes each time")
    pack.add_argument("bundle", type=Path, help="folder")
    pack.add_argument("archive", type=Path, help="the .zip to write")
    pack.add_argument(
        "--backend",
        choices=tuple(BACKENDS),
        help="its model file alone, which makes another bundle (default: all)",
    )
    pack.set_defaults(handler=_pack)
    unpacker = verbs.add_parser("unpack", help="make a folder of a .zip, if everything in it is good")
    unpacker.add_argument("archive", type=Path, help="the .zip")
    unpacker.add_argument("folder", type=Path, help="where to; does not exist yet")
    unpacker.set_defaults(handler=_unpack)
    importer = verbs.add_parser(
        "import",
        help="make a bundle of another's classifier",
        description=_IMPORT,
        epilog=_IMPORT_EXAMPLES,
        formatter_class=raw,
    )
    _add_import_options(importer)
    importer.set_defaults(handler=_import)


def _add_import_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", type=Path, help=f"{' or '.join(suffixes())} file")
    add("--labels", metavar="FILE|A,B,…", help="of the classes (default: those that the model brings)")
    add("--out", required=True, type=Path, metavar="FOLDER", help="the new bundle; does not exist yet")
    add("--backend", choices=tuple(BACKENDS), help="what runs it (default: the first that reads such a file)")
    add("--mean", type=_numbers, metavar="M[,M,M]", help="one number or one per channel")
    add("--std", type=_numbers, metavar="S[,S,S]", help="one number, or one per channel")
    add(
        "--scores",
        choices=["logits", "probabilities"],
        help="what comes out (default: found out by two runs)",
    )
    add(
        "--independent",
        action="store_true",
        help="several labels may be true at once: a sigmoid for each logit instead of a softmax over all",
    )
    add(
        "--colour-order", choices=["RGB", "BGR"], default="RGB", help="of the input's channels (default: RGB)"
    )
    add(
        "--fit",
        choices=["letterbox", "stretch"],
        help="keep a frame's aspect ratio, with grey around it, or not (default: letterbox)",
    )
    add("--layout", choices=["NHWC", "NCHW"], help="of the input (default: from its shape)")
    add("--size", type=_size, metavar="HxW", help="height and width, where the file leaves them open")
    add(
        "--alert",
        action="append",
        default=[],
        metavar="LABEL=OPEN[:KEEP]",
        help="open an event when this label's score reaches OPEN and keep it while above KEEP (default: OPEN), in "
        "the scores' own kind: 0.8 is a probability only if they are. May be repeated; other labels never alert",
    )
    add("--name", help="of the bundle (default: the file's name)")
    add("--version", default="1", help="of the bundle (default: 1)")


def _show(arguments: argparse.Namespace) -> int:
    bundle = _open(arguments.bundle)
    if arguments.json:
        _result({"bundle": str(bundle.path), "digest": bundle.digest, **msgspec.to_builtins(bundle.manifest)})
        return GOOD
    print("\n".join(map(plain, describe(bundle))))
    return GOOD


def describe(bundle: Bundle) -> list[str]:
    """Return what a bundle is, in lines for people."""
    manifest = bundle.manifest
    each = ", independent of each other" if manifest.labels_independent else ""
    lines = [
        f"{manifest.name} {manifest.version}   {bundle.path}",
        f"  task          {manifest.task}, scores are {manifest.kind}{each}",
        f"  labels        {some(manifest.labels)}",
        *([f"  conditions    {some(manifest.conditions)}"] if manifest.conditions else []),
        f"  frame         {manifest.colour_order}, {manifest.fit}",
        f"  normalised    mean {_three(manifest.normalisation.mean)}, std {_three(manifest.normalisation.std)}",
    ]
    for label, threshold in manifest.thresholds.items():
        lines.append(f"  threshold     {label}: opens at {threshold.open:g}, kept above {threshold.keep:g}")
    if not manifest.thresholds:
        lines.append("  threshold     of no label: nothing opens an event")
    if manifest.calm is not None:
        calm = manifest.calm
        lines.append(
            f"  calm          opens {calm.margin:g} above all of {calm.window} frames, at most {calm.fall:g} lower"
        )
    if manifest.horizon is not None:
        away = manifest.horizon
        lines.append(
            f"  horizon       opens {away.rise:g} higher, {away.above:g} rows above it and {away.below:g} below"
        )
    rule = manifest.confirmation
    lines.append(
        f"  event         {rule.hits} of {rule.window} frames, closed after {rule.close_after} unseen"
    )
    lines.append(f"  severity      {_severity(manifest.alert)}")
    if manifest.selftest is not None:
        drawn = manifest.selftest
        size = "×".join(map(str, drawn.size_px))
        lines.append(
            f"  self-test     {drawn.frames} frames of {size} px, drawn ({drawn.kind}, seed {drawn.seed})"
        )
    if manifest.cadence is not None:
        cadence = manifest.cadence
        lines.append(f"  cadence       {cadence.default_s:g} s ({cadence.min_s:g} to {cadence.max_s:g})")
    for name, spec in sorted(manifest.files.items()):
        lines.append(f"  {name:<14}{spec.bytes} bytes, sha256 {spec.sha256[:16]}…")
        for tensor in spec.tensors:
            grid = (
                "" if tensor.scale is None else f", scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
            )
            shape = "×".join(map(str, tensor.shape))
            lines.append(f"    {tensor.role:<10}{tensor.name}: {shape} {tensor.dtype}{grid}")
    for title, values in (("metrics", manifest.metrics), ("provenance", manifest.provenance)):
        lines += [f"  {title:<14}{key}: {value}" for key, value in values.items()]
    return [*lines, f"  digest        {bundle.digest}"]


def _severity(rule: AlertRule | None) -> str:
    """Say when an event is an alert."""
    if rule is None:
        return "every event is an alert"
    causes = [f"{label} at {score:g}" for label, score in rule.scores.items()]
    if rule.growth is not None:
        causes.append(f"{rule.growth:g} times its cells")
    if rule.persistence_s is not None:
        causes.append(f"seen for {rule.persistence_s:g} s")
    held = f"; under {' or '.join(rule.held)} by the last alone" if rule.held else ""
    return f"a candidate, an alert by {', '.join([*causes, f'{rule.escalate_s:g} s open'])}{held}"


def _verify(arguments: argparse.Namespace) -> int:
    bundle = _open(arguments.bundle)
    bundle.verify()
    bundle.model_file()  # a bundle that nothing here can run is not good
    _say(f"{bundle.path}: {len(bundle.manifest.files)} files are what the manifest says")
    tested = SELFTEST_NAME in bundle.manifest.files
    steps: dict[str, float | None] = {}
    for name, spec in sorted(bundle.manifest.model_files().items()):
        try:
            runtime = load_runtime(bundle, spec.backend)
        except (MissingExtraError, UnknownBackendError) as error:
            if arguments.parity:
                raise
            _say(f"{name}: not run; {error}")
            continue
        steps[runtime.name] = selftest.selftest(bundle, runtime).steps_max if tested else None
        how = f"self-test {steps[runtime.name]:.2f} steps off" if tested else "no self-test in the bundle"
        _say(f"{name}: runs on {runtime.name}; {how}")
    apart = _parity(bundle) if arguments.parity else None
    good = apart is None or apart.good
    _result(
        {
            "bundle": str(bundle.path),
            "digest": bundle.digest,
            "good": good,
            "selftest_steps": steps,
            "parity_steps": None if apart is None else apart.steps_max,
        }
    )
    return GOOD if good else FAILED


def _parity(bundle: Bundle) -> selftest.Agreement:
    frames, _ = selftest.read_selftest(bundle)
    apart = selftest.compare(bundle, frames)
    _say(
        f"the files over {apart.frames} frames: {apart.steps_max:.2f} steps apart at most, "
        f"{apart.steps_mean:.3f} on average; the manifest allows {apart.tolerance_steps:g}"
    )
    return apart


def _pack(arguments: argparse.Namespace) -> int:
    bundle = Bundle.open(arguments.bundle)
    digest = bundle.pack(arguments.archive, arguments.backend)
    length = arguments.archive.stat().st_size
    _result({"archive": str(arguments.archive), "bytes": length, "digest": digest})
    return GOOD


def _unpack(arguments: argparse.Namespace) -> int:
    bundle = unpack(arguments.archive, arguments.folder)
    _result({"bundle": str(bundle.path), "digest": bundle.digest})
    return GOOD


def _import(arguments: argparse.Namespace) -> int:
    options = ImportOptions(
        labels=None if arguments.labels is None else read_labels(arguments.labels),
        backend=arguments.backend,
        mean=arguments.mean,
        std=arguments.std,
        kind=arguments.scores,
        independent=arguments.independent,
        colour_order=arguments.colour_order,
        fit=arguments.fit,
        layout=arguments.layout,
        size_px=arguments.size,
        alerts=dict(map(_alert, arguments.alert)),
        name=arguments.name,
        version=arguments.version,
    )
    imported = import_model(arguments.model, arguments.out, options)
    bundle = imported.bundle
    for line in (*describe(bundle), *(f"note: {note}" for note in imported.notes)):
        _say(line)
    _say(f"next: firetower replay --bundle {bundle.path} --frames IMAGES/")
    _result({"bundle": str(bundle.path), "digest": bundle.digest})
    return GOOD


def _open(path: Path | None) -> Bundle:
    return Bundle.open(bundled_path() if path is None else path)


def _alert(text: str) -> tuple[str, Threshold]:
    label, _, limits = text.rpartition("=")
    opens, _, keeps = limits.partition(":")
    if not label:
        raise SettingsError(f"--alert: {text!r} is not LABEL=OPEN[:KEEP], for example smoke=0.6:0.4")
    try:
        threshold = Threshold(open=float(opens), keep=float(keeps or opens))
    except ValueError as error:
        raise SettingsError(f"--alert: {limits!r} is not OPEN[:KEEP], for example 0.6:0.4") from error
    return label, threshold


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def _size(text: str) -> tuple[int, int]:
    height, width = (int(part) for part in text.lower().split("x"))
    if min(height, width) < 1:
        raise ValueError(text)
    return height, width


def _three(values: tuple[float, float, float]) -> str:
    shown = [f"{value:.6g}" for value in values]
    return shown[0] if len(set(shown)) == 1 else f"({', '.join(shown)})"


def _say(text: str) -> None:
    print(plain(text), file=sys.stderr)


def _result(document: dict[str, Any]) -> None:
    print(json.dumps(document))
