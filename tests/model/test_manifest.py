import json
import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ManifestError
from edge.model.alert import AlertRule
from edge.model.calm import Calm
from edge.model.horizon import HorizonRule
from edge.model.manifest import (
    Cadence,
    Confirmation,
    FileSpec,
    Manifest,
    Normalisation,
    TensorSpec,
    Threshold,
    decode,
    encode,
)
from edge.model.memory import MemoryRule

finite = st.floats(-1e6, 1e6)
positive = st.floats(1e-6, 1e6)
word = st.text(string.ascii_letters + string.digits + "äß-_", min_size=1, max_size=8)
json_value = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def file_specs(draw, labels: int, task: str, stride: int, backend: str) -> FileSpec:
    rows, cols = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    dtype = draw(st.sampled_from(["float32", "int8", "uint8"]))
    grid = {} if dtype == "float32" else {"scale": draw(positive), "zero_point": draw(st.integers(0, 127))}
    size = (rows * stride, cols * stride)
    layout = draw(st.sampled_from(["NHWC", "NCHW"]))
    shape = (1, *size, 3) if layout == "NHWC" else (1, 3, *size)
    tensors = [
        TensorSpec(name="in", role="frame", shape=shape, dtype=dtype, layout=layout, **grid),
        TensorSpec(
            name="out",
            role="scores",
            shape=(1, rows, cols, labels) if task == "cells" else (1, labels),
            dtype=dtype,
            **grid,
        ),
    ]
    for name in draw(st.lists(word, max_size=2, unique=True)):
        for role in ("state_in", "state_out"):
            state = TensorSpec(name=f"{role}{name}", role=role, shape=(1, 2), dtype="float32", state=name)
            tensors = [*tensors, state]
    digest = draw(st.text("0123456789abcdef", min_size=64, max_size=64))
    return FileSpec(sha256=digest, bytes=draw(st.integers(0, 2**28)), backend=backend, tensors=tuple(tensors))


def alert_rules(label: str, least: float) -> st.SearchStrategy[AlertRule]:
    return st.builds(
        lambda escalate_s, part, growth, above: AlertRule(
            escalate_s=escalate_s,
            persistence_s=None if part is None else part * escalate_s,
            growth=growth,
            scores={} if above is None else {label: least + above},
        ),
        st.floats(1, 21_600),
        st.none() | st.floats(0.001, 1),
        st.none() | st.floats(1.001, 100),
        st.none() | st.floats(0, 100),
    )


memory_rules = st.builds(
    MemoryRule,
    rise=st.floats(1, 3),
    margin=st.floats(0, 1),
    half_life_days=st.floats(0.1, 7),
    least_s=st.floats(0, 1800),
)


horizon_rules = st.builds(HorizonRule, above=st.floats(0, 30), below=st.floats(0, 30), rise=st.floats(0.1, 3))


@st.composite
def manifests(draw) -> Manifest:
    labels = tuple(draw(st.lists(word, min_size=1, max_size=4, unique=True)))
    task, stride = draw(st.sampled_from(["classify", "cells"])), draw(st.integers(1, 16))
    window = draw(st.integers(1, 9))
    low, middle, high = sorted(draw(st.tuples(positive, positive, positive)))
    backends = draw(st.sampled_from([("litert",), ("onnx",), ("litert", "onnx")]))
    kind = draw(st.sampled_from(["logits", "probabilities"]))
    return Manifest(
        schema=draw(st.sampled_from(["1", "1.0", "1.7"])),
        name=draw(word),
        version=draw(word),
        task=task,
        kind=kind,
        labels=labels,
        files={f"model.{name}": draw(file_specs(len(labels), task, stride, name)) for name in backends},
        colour_order=draw(st.sampled_from(["RGB", "BGR"])),
        fit=draw(st.sampled_from(["letterbox", "stretch"])),
        normalisation=Normalisation(
            mean=draw(st.tuples(finite, finite, finite)), std=draw(st.tuples(positive, positive, positive))
        ),
        cell_stride_px=stride if task == "cells" else None,
        thresholds={labels[0]: Threshold(open=middle, keep=low)},
        confirmation=Confirmation(
            hits=draw(st.integers(1, window)), window=window, close_after=draw(st.integers(1, 99))
        ),
        alert=draw(st.none() | alert_rules(labels[0], middle)),
        memory=draw(st.none() | memory_rules) if (task, kind) == ("cells", "logits") else None,
        horizon=draw(st.none() | horizon_rules) if (task, kind) == ("cells", "logits") else None,
        cadence=draw(st.none() | st.just(Cadence(min_s=low, default_s=middle, max_s=high))),
        state_gap_s=draw(positive),
        tolerance_steps=draw(st.floats(0, 9)),
        metrics=draw(st.dictionaries(word, json_value, max_size=2)),
        provenance=draw(st.dictionaries(word, json_value, max_size=2)),
    )


@given(manifests())
def test_what_is_written_is_read_back(manifest):
    assert decode(encode(manifest)) == manifest


@given(manifests(), json_value, json_value)
def test_unknown_fields_are_kept(manifest, on_top, in_tensor):
    document = json.loads(encode(manifest))
    document["from_the_future"] = on_top
    name = min(document["files"])
    document["files"][name]["tensors"][0]["axis"] = in_tensor
    known = json.dumps(document).encode()
    again = json.loads(encode(decode(known), known))
    assert again == document


@given(manifests(), manifests())
def test_a_rewrite_holds_nothing_of_the_old_but_unknown_fields(old, new):
    assert decode(encode(new, encode(old))) == new


@given(manifests(), st.integers(0, 99).filter(lambda major: major != 1), st.sampled_from(["", ".0", ".9.1"]))
def test_another_major_version_is_refused(manifest, major, rest):
    document = json.loads(encode(manifest)) | {"schema": f"{major}{rest}"}
    with pytest.raises(ManifestError, match="unknown"):
        decode(json.dumps(document).encode())


@given(st.binary(max_size=200) | json_value.map(lambda value: json.dumps(value).encode()))
def test_other_bytes_give_a_manifest_error(data):
    with pytest.raises(ManifestError):
        decode(data)


@given(manifests(), st.data())
def test_a_broken_document_gives_a_manifest_error_or_a_manifest(manifest, data):
    """Put any JSON in any place of a good manifest."""
    document = json.loads(encode(manifest))
    place = document
    while True:
        key = data.draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place))))
        )
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(json_value)
    try:
        read = decode(json.dumps(document).encode())
    except ManifestError:
        return
    assert decode(encode(read)) == read


def test_deep_nesting_is_a_manifest_error():
    with pytest.raises(ManifestError):
        decode(b"[" * 100_000)


@pytest.fixture
def good(fixtures):
    return decode((fixtures / "cells/manifest.json").read_bytes())


def changed(manifest, **fields):
    return msgspec.structs.replace(manifest, **fields)


def changed_tensor(manifest, of_role, **fields):
    files = dict(manifest.files)
    for name, spec in manifest.model_files().items():
        tensors = tuple(changed(t, **fields) if t.role == of_role else t for t in spec.tensors)
        files[name] = changed(spec, tensors=tensors)
    return changed(manifest, files=files)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"labels": ()}, "labels"),
        ({"labels": ("smoke", "smoke")}, "labels"),
        ({"labels": ("smoke", "dark", "fog")}, "3 labels"),
        ({"files": {}}, "no model file"),
        ({"name": "  "}, "manifest.name"),
        ({"version": "1\n2"}, "manifest.version"),
        ({"thresholds": {"fog": Threshold(open=1, keep=0)}}, "fog"),
        ({"thresholds": {"smoke": Threshold(open=0, keep=1)}}, "keep ≤ open"),
        ({"thresholds": {"smoke": Threshold(open=float("nan"), keep=0)}}, "keep ≤ open"),
        ({"confirmation": Confirmation(hits=4, window=3)}, "hits"),
        ({"alert": AlertRule(escalate_s=0.0)}, "escalate_s: expected a positive"),
        ({"alert": AlertRule(escalate_s=21_601.0)}, "21600 at most"),
        ({"alert": AlertRule(escalate_s=float("nan"))}, "escalate_s"),
        ({"alert": AlertRule(escalate_s=60.0, persistence_s=61.0)}, "persistence_s ≤ escalate_s"),
        ({"alert": AlertRule(escalate_s=60.0, persistence_s=0.0)}, "0 < persistence_s"),
        ({"alert": AlertRule(escalate_s=60.0, growth=1.0)}, "above 1"),
        ({"alert": AlertRule(escalate_s=60.0, growth=float("inf"))}, "above 1"),
        ({"alert": AlertRule(escalate_s=60.0, scores={"fog": 1.0})}, "'fog' has no threshold"),
        ({"alert": AlertRule(escalate_s=60.0, scores={"smoke": -9.0})}, r"\(open\) or more"),
        ({"alert": AlertRule(escalate_s=60.0, scores={"smoke": float("inf")})}, "finite score"),
        ({"calm": Calm(margin=0.0, fall=3.5)}, "calm.margin: expected a positive"),
        ({"calm": Calm(margin=2.0, fall=float("inf"))}, "calm.fall"),
        ({"calm": Calm(margin=2.0, fall=3.5, least=61)}, "least ≤ window"),
        ({"calm": Calm(margin=2.0, fall=3.5, window=1001)}, "1000"),
        ({"calm": Calm(margin=2.0, fall=3.5, lag=2)}, r"calm.lag: expected confirmation.window \(3\)"),
        ({"calm": Calm(margin=2.0, fall=3.5), "kind": "probabilities"}, "kind 'logits'"),
        ({"calm": Calm(margin=2.0, fall=3.5), "thresholds": {}}, "a label with a threshold"),
        ({"memory": MemoryRule(rise=3.1)}, "0 < rise ≤ 3"),
        ({"memory": MemoryRule(rise=0.0, margin=0.0)}, "0 < rise"),
        ({"memory": MemoryRule(rise=float("nan"))}, "0 < rise"),
        ({"memory": MemoryRule(margin=-0.1)}, "0 ≤ margin"),
        ({"memory": MemoryRule(half_life_days=0.0)}, "0 < half_life_days ≤ 7"),
        ({"memory": MemoryRule(half_life_days=7.1)}, "half_life_days ≤ 7"),
        ({"memory": MemoryRule(least_s=1801.0)}, "least_s ≤ 1800"),
        ({"memory": MemoryRule(), "kind": "probabilities"}, "needs task 'cells', kind 'logits'"),
        ({"memory": MemoryRule(), "thresholds": {}}, "and a threshold"),
        ({"horizon": HorizonRule(above=-1, below=3, rise=1)}, "above ≥ 0"),
        ({"horizon": HorizonRule(above=1, below=float("inf"), rise=1)}, "finite above ≥ 0 and below ≥ 0"),
        ({"horizon": HorizonRule(above=1, below=-1, rise=1)}, "below ≥ 0"),
        ({"horizon": HorizonRule(above=1, below=3, rise=0)}, "horizon.rise: expected 0 < rise ≤ 3"),
        ({"horizon": HorizonRule(above=1, below=3, rise=3.1)}, "0 < rise ≤ 3"),
        ({"horizon": HorizonRule(above=1, below=3, rise=1), "kind": "probabilities"}, "kind 'logits'"),
        ({"horizon": HorizonRule(above=1, below=3, rise=1), "thresholds": {}}, "and a threshold"),
        ({"cadence": Cadence(min_s=2, default_s=1, max_s=3)}, "cadence"),
        ({"state_gap_s": 0.0}, "state_gap_s"),
        ({"tolerance_steps": -1.0}, "tolerance_steps"),
        ({"normalisation": Normalisation(std=(1, 0, 1))}, "std"),
        ({"normalisation": Normalisation(mean=(1, float("inf"), 1))}, "mean"),
        ({"cell_stride_px": None}, "cell_stride_px"),
        ({"cell_stride_px": 4}, "4 px cells"),
    ],
)
def test_contradictions_are_named(good, fields, said):
    with pytest.raises(ManifestError, match=said):
        encode(changed(good, **fields))


@pytest.mark.parametrize(
    ("role", "fields", "said"),
    [
        ("frame", {"layout": None}, "the frame must be"),
        ("frame", {"shape": (2, 48, 64, 3)}, "the frame must be"),
        ("frame", {"scale": None}, "needs scale"),
        ("frame", {"scale": 0.0}, "positive scale"),
        ("frame", {"zero_point": 300}, "zero_point 300"),
        ("scores", {"shape": (1, 0, 8, 2)}, "scores"),
        ("scores", {"role": "frame"}, "one tensor with role"),
        ("scores", {"classes_axis": 3}, "do not end in 2 labels"),
        ("state_out", {"shape": (1, 1, 1, 2)}, "must pair"),
        ("state_in", {"state": None}, "must pair|needs its 'state'"),
    ],
)
def test_contradictions_of_tensors_are_named(good, role, fields, said):
    with pytest.raises(ManifestError, match=said):
        encode(changed_tensor(good, role, **fields))


def classifier(good, shape, axis):
    return changed_tensor(
        changed(good, task="classify", cell_stride_px=None), "scores", shape=shape, classes_axis=axis
    )


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((2,), None), ((2,), 0), ((1, 1, 2), None), ((1, 2, 1, 1), 1), ((1, 1, 2, 1), 2), ((2, 1, 1, 1), 0)],
)
def test_a_classifiers_scores_lie_along_any_axis(good, shape, axis):
    manifest = classifier(good, shape, axis)
    assert decode(encode(manifest)) == manifest


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        *(((), None), ((1, 2, 1, 1), None), ((1, 2, 1, 1), 2), ((1, 2), 5), ((1, 2), -1)),
        *(((2, 2), None), ((1, 3), None), ((1, 4, 4, 2), None)),
    ],
)
def test_other_scores_of_a_classifier_are_refused(good, shape, axis):
    with pytest.raises(ManifestError, match="scores of 2 labels along one axis"):
        encode(classifier(good, shape, axis))


@pytest.mark.parametrize(
    "name", ["../model.tflite", "a/b", "", ".hidden", "manifest.json", "a\0b", " a", "C:\\a"]
)
def test_a_file_with_an_unsafe_name_is_refused(good, name):
    with pytest.raises(ManifestError, match=r"manifest\.files"):
        encode(changed(good, files=good.files | {name: good.files["card.md"]}))


@pytest.mark.parametrize(
    ("name", "good_name"), [("npu-2", True), ("", False), ("a b", False), ("\x1b[1m", False)]
)
def test_any_backend_may_be_named_plainly(good, name, good_name):
    files = good.files | {"model.onnx": changed(good.files["model.onnx"], backend=name)}
    if good_name:
        assert decode(encode(changed(good, files=files))).files == files
    else:
        with pytest.raises(ManifestError, match=r"manifest\.files\.model\.onnx\.backend"):
            encode(changed(good, files=files))


def test_state_pairs_come_in_the_order_of_the_inputs(good):
    pairs = good.files["model.tflite"].state_pairs()
    assert [(a.name, b.name) for a, b in pairs] == [
        ("background", "background_next"),
        ("weight", "weight_next"),
    ]


TOLD = TensorSpec(name="told", role="conditions", shape=(1, 1, 1, 2), dtype="int8", scale=0.5, zero_point=0)


def with_conditions(good, *names, tensors=(TOLD,)):
    files = {
        name: changed(spec, tensors=(*spec.tensors, *tensors)) for name, spec in good.model_files().items()
    }
    return changed(good, conditions=names, files={**good.files, **files})


@pytest.mark.parametrize("shape", [(1, 2), (1, 1, 1, 2)])
def test_conditions_are_named_known_or_not_and_given_by_each_file(good, shape):
    manifest = with_conditions(good, "night", "volcanic_ash", tensors=(changed(TOLD, shape=shape),))
    assert decode(encode(manifest)) == manifest
    assert manifest.files["model.tflite"].conditions.shape == shape
    assert good.files["model.tflite"].conditions is None
    assert b"conditions" not in encode(good)


@pytest.mark.parametrize(
    ("names", "tensors", "said"),
    [
        (("night", "fog"), (), "no tensor with that role"),
        ((), (TOLD,), "has 0 names"),
        (("night",), (TOLD,), r"\(1, 1, 1, 2\)"),
        (("night", "fog"), (changed(TOLD, shape=(2,)),), "needs one tensor"),
        (("night", "fog"), (TOLD, changed(TOLD, name="more")), "at most"),
        (("night", "fog"), (changed(TOLD, scale=None),), "needs scale"),
        (("night", "night"), (TOLD,), "each once"),
        (("night", "Fog"), (TOLD,), "'Fog'"),
        (("night", ""), (TOLD,), "expected names"),
    ],
)
def test_conditions_that_contradict_the_files_are_named(good, names, tensors, said):
    with pytest.raises(ManifestError, match=said):
        encode(with_conditions(good, *names, tensors=tensors))


@pytest.mark.parametrize(
    ("held", "said"), [(("fog",), "'fog' is not among"), (("night", "night"), "held: expected each once")]
)
def test_what_holds_alerts_is_a_condition_of_the_manifest(good, held, said):
    told = with_conditions(good, "night", "dirty")
    fine = changed(told, alert=AlertRule(escalate_s=60.0, held=("night",)))
    assert decode(encode(fine)) == fine
    with pytest.raises(ManifestError, match=said):
        encode(changed(told, alert=AlertRule(escalate_s=60.0, held=held)))


def test_a_manifest_without_the_calm_rule_is_written_as_before_and_one_with_it_is_read_back(good):
    assert b"calm" not in encode(good)
    calm = changed(good, calm=Calm(margin=2.0, fall=3.5, lag=3))
    assert decode(encode(calm)) == calm


def test_a_manifest_without_a_rule_for_alerts_has_none_and_is_written_as_before(good):
    assert good.alert is None
    assert b"alert" not in encode(good)
    document = json.loads(encode(good)) | {"alert": None}
    assert decode(json.dumps(document).encode()) == good
    with pytest.raises(ManifestError, match="escalate_s"):
        decode(json.dumps(document | {"alert": {"growth": 2.0}}).encode())
