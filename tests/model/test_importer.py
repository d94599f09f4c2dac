import dataclasses
import shutil
import zipfile

import flatbuffers
import msgspec
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as tfl

from edge.errors import BundleError, SettingsError
from edge.model.bundle import Bundle
from edge.model.importer import ImportOptions, import_model
from edge.model.load import load_runtime
from edge.model.manifest import Threshold
from edge.model.scores import probabilities
from edge.model.selftest import score_frames, selftest
from tests.model.every import need, readers

STRIPE_LABELS = ("plain", "rows", "columns")
HALF = {"mean": (0.5,), "std": (0.5,)}


def options(**fields):
    return ImportOptions(**({"labels": STRIPE_LABELS} | fields))


@pytest.fixture
def imported(fixtures, tmp_path):
    def run(file, **fields):
        if file.endswith(".onnx"):
            pytest.importorskip("onnxruntime", reason="pip install 'firetower[onnx]'")
        return import_model(fixtures / file, tmp_path / "out", options(**fields))

    return run


@pytest.mark.parametrize(
    ("backend", "name", "fields", "kind"),
    readers(
        ("stripes_uint8.tflite", {}, "probabilities"),
        ("stripes_uint8.tflite", HALF, "probabilities"),
        ("stripes_int8.tflite", {}, "probabilities"),
        ("stripes_int8.tflite", HALF, "probabilities"),
        ("stripes_float.tflite", HALF, "probabilities"),
        ("stripes.onnx", HALF, "logits"),
    ),
)
def test_a_strangers_classifier_names_new_pictures(imported, stripes, backend, name, fields, kind):
    bundle = imported(name, backend=need(backend), **fields).bundle
    assert [one.name for one in bundle.backends()] == [backend]
    pictures, labels = stripes(60, seed=77)
    scores = score_frames(bundle, load_runtime(bundle), pictures)
    assert scores.shape == (60, 1, 1, 3)
    assert (scores[:, 0, 0].argmax(-1) == labels).mean() >= 0.95
    assert bundle.manifest.kind == kind
    assert bundle.manifest.labels == STRIPE_LABELS


@pytest.mark.parametrize("name", ["stripes_int8.tflite", "stripes_float.tflite"])
def test_a_strangers_bundle_has_a_selftest_that_sees_another_network(fixtures, tmp_path, name):
    one = import_model(fixtures / name, tmp_path / "one", options(**HALF)).bundle
    assert len(one.read("selftest.npz")) < 1000
    runtime = load_runtime(one, probed=True)
    assert selftest(one, runtime).steps_max == 0
    for wrong in ({"mean": (0.3,), "std": (0.5,)}, {**HALF, "colour_order": "BGR"}):
        other = import_model(fixtures / name, tmp_path / str(len(wrong)), options(**wrong)).bundle
        swapped = dataclasses.replace(
            one,
            manifest=msgspec.structs.replace(
                one.manifest,
                normalisation=other.manifest.normalisation,
                colour_order=other.manifest.colour_order,
            ),
        )
        with pytest.raises(BundleError, match="steps off"):
            selftest(swapped, runtime)


def test_integer_and_float_files_of_one_network_agree(fixtures, stripes, tmp_path):
    pictures, _ = stripes(12, seed=78)
    scores = []
    for index, name in enumerate(("stripes_float.tflite", "stripes_uint8.tflite", "stripes_int8.tflite")):
        bundle = import_model(fixtures / name, tmp_path / str(index), options(**HALF)).bundle
        scores.append(score_frames(bundle, load_runtime(bundle, probed=True), pictures))
    assert scores[1] == pytest.approx(scores[0], abs=0.1)
    assert np.array_equal(scores[1], scores[2])


def test_the_bundle_is_whole_and_says_where_it_comes_from(imported, tmp_path):
    alerts = {"rows": Threshold(open=0.6, keep=0.4)}
    imported(
        "stripes_uint8.tflite", alerts=alerts, name="stripes", version="2", fit="stretch", colour_order="BGR"
    )
    bundle = Bundle.open(tmp_path / "out")
    bundle.verify()
    manifest = bundle.manifest
    assert (manifest.name, manifest.version, manifest.fit, manifest.colour_order) == (
        "stripes",
        "2",
        "stretch",
        "BGR",
    )
    assert manifest.thresholds == alerts
    assert manifest.provenance["imported_from"] == "stripes_uint8.tflite"


def test_open_dimensions_need_a_size_and_take_it(imported):
    assert imported("stripes.onnx", **HALF).bundle.model_file()[1].one("frame").shape == (1, 3, 24, 24)


@pytest.mark.parametrize("size_px", [(24, 32), (48, 48)])
def test_a_size_that_does_not_fit_is_refused(imported, size_px):
    with pytest.raises(SettingsError, match=r"--size.*leave it out"):
        imported("stripes_uint8.tflite", size_px=size_px)


@pytest.mark.parametrize(
    ("labels", "said"),
    [(("a", "b"), "2 labels.*3 classes.*background"), (tuple("abcdefg"), "7 labels.*3 classes$")],
)
def test_a_wrong_number_of_labels_says_both_numbers(imported, labels, said):
    with pytest.raises(SettingsError, match=said):
        imported("stripes_uint8.tflite", labels=labels)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "a float32 input needs both"),
        ({"mean": (0.5,)}, "give both or none"),
        ({"mean": (127.5,), "std": (127.5,)}, "--mean.*units"),
        ({"mean": (0.0,), "std": (255.0,)}, "--std.*units"),
        ({"mean": (0.5,), "std": (0.0,)}, "--std"),
        ({"mean": (0.5, 0.5), "std": (0.5,)}, "one number or three"),
        ({"mean": (float("nan"),), "std": (0.5,)}, "--mean"),
    ],
)
def test_normalisation_is_asked_for_and_its_unit_is_checked(imported, fields, said):
    with pytest.raises(SettingsError, match=said):
        imported("stripes_float.tflite", **fields)


def test_a_normalisation_that_does_not_fit_the_inputs_range_is_noted(imported):
    notes = " ".join(imported("stripes_uint8.tflite", mean=(0.0,), std=(1.0,)).notes)
    assert "50% of the input's range" in notes
    assert "check --mean and --std" in notes


def test_a_normalisation_that_fits_is_not_noted(imported):
    assert "--mean" not in " ".join(imported("stripes_uint8.tflite", **HALF).notes)


def test_the_kind_of_scores_may_be_stated(imported):
    result = imported("stripes_uint8.tflite", kind="logits")
    assert result.bundle.manifest.kind == "logits"
    assert any("say --scores probabilities" in note for note in result.notes)


def test_logits_are_not_probabilities(imported):
    with pytest.raises(SettingsError, match="--scores: these are not probabilities"):
        imported("stripes.onnx", kind="probabilities", **HALF)


@pytest.mark.parametrize("name", ["cells/model.tflite", "cells/model.onnx"])
def test_a_model_with_state_is_refused(imported, name):
    with pytest.raises(BundleError, match=r"model\.(tflite|onnx): it has 3 inputs \(frame"):
        imported(name)


def test_another_suffix_an_absent_file_and_a_target_that_exists_are_refused(fixtures, tmp_path):
    with pytest.raises(BundleError, match=r"ends in \.tflite or \.onnx"):
        import_model(tmp_path / "model.pt", tmp_path / "out", options())
    with pytest.raises(BundleError, match=r"absent\.tflite: cannot be read"):
        import_model(tmp_path / "absent.tflite", tmp_path / "out", options())
    (tmp_path / "out").mkdir()
    with pytest.raises(BundleError, match="already there"):
        import_model(fixtures / "stripes_uint8.tflite", tmp_path / "out", options())


@pytest.mark.parametrize("data", [b"", b"x" * 100, b"\0\0\0\0TFL3" + b"\xff" * 200])
def test_a_file_that_is_no_model_is_refused_by_name(tmp_path, data):
    (tmp_path / "bad.tflite").write_bytes(data)
    with pytest.raises(BundleError, match=r"bad\.tflite"):
        import_model(tmp_path / "bad.tflite", tmp_path / "out", options())
    assert not (tmp_path / "out").exists()


def classifier(tmp_path, frame, output, kind=1, out_kind=1, op="pool", shaped=None):
    """Write an ONNX file that gives the means of the channels, with any input shape."""
    onnx = pytest.importorskip("onnx", reason="pip install 'firetower[train]'")
    pytest.importorskip("onnxruntime", reason="pip install 'firetower[onnx]'")
    info, node = onnx.helper.make_tensor_value_info, onnx.helper.make_node
    nodes = {
        "pool": [node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"], ["y"])],
        "cast": [
            node("Cast", ["x"], ["f"], to=1),
            node("GlobalAveragePool", ["f"], ["p"]),
            node("Flatten", ["p"], ["q"]),
            node("Cast", ["q"], ["y"], to=out_kind),
        ],
        "same": [node("Identity", ["x"], ["y"])],
        "reshape": [node("Identity", ["x"], ["p"])],
        "one": [node("ReduceMean", ["x"], ["y"], axes=[0, 1, 2, 3], keepdims=0)],
    }[op]
    constants = []
    if shaped is not None:
        nodes[-1].output[0] = "flat"
        nodes.append(node("Reshape", ["flat", "shape"], ["y"]))
        constants = [onnx.helper.make_tensor("shape", 7, (len(shaped),), shaped)]
    graph = onnx.helper.make_graph(
        nodes, "g", [info("x", kind, frame)], [info("y", out_kind, output)], constants
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path / "any.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_an_open_input_needs_a_size(tmp_path):
    path = classifier(tmp_path, ("n", 3, "h", "w"), ("n", 3))
    with pytest.raises(SettingsError, match=r"--size: the input .* is open"):
        import_model(path, tmp_path / "out", options(kind="logits", **HALF))
    bundle = import_model(path, tmp_path / "out", options(kind="logits", size_px=(20, 30), **HALF)).bundle
    assert bundle.model_file()[1].one("frame").shape == (1, 3, 20, 30)
    pixels = np.full((1, 20, 30, 3), (0, 51, 255), np.uint8)
    assert score_frames(bundle, load_runtime(bundle), pixels).ravel() == pytest.approx(
        [-1, -0.6, 1], abs=1e-6
    )


def test_scores_that_may_be_either_must_be_stated(tmp_path):
    path = classifier(tmp_path, (1, 3, 8, 8), (1, 3))
    with pytest.raises(SettingsError, match="--scores: cannot tell"):
        import_model(path, tmp_path / "out", options(**HALF))


def test_integer_pixels_of_an_onnx_file_go_in_as_they_are(tmp_path):
    path = classifier(tmp_path, (1, 3, 8, 8), (1, 3), kind=2, op="cast")
    with pytest.raises(SettingsError, match="leave both out"):
        import_model(path, tmp_path / "out", options(kind="logits", **HALF))
    bundle = import_model(path, tmp_path / "out", options(kind="logits")).bundle
    pixels = np.full((1, 8, 8, 3), (3, 100, 250), np.uint8)
    assert score_frames(bundle, load_runtime(bundle), pixels).ravel().tolist() == [3, 100, 250]


@pytest.mark.parametrize(
    ("frame", "output", "fields", "said"),
    [
        ((1, 1, 8, 8), (1, 1), {}, "expected one colour image"),
        ((4, 3, 8, 8), (4, 3), {}, "expected one colour image.*; export it for a batch of 1"),
        ((1, 3, 8), (1, 3), {}, "expected one colour image|cannot run it"),
        ((1, 3, 8, 3), (1, 3), {}, "--layout"),
        ((1, 3, 8, 8), (1, 3), {"layout": "NHWC"}, "--layout: .* is not NHWC"),
    ],
)
def test_inputs_that_are_no_picture_are_refused(tmp_path, frame, output, fields, said):
    with pytest.raises((BundleError, SettingsError), match=said):
        import_model(classifier(tmp_path, frame, output), tmp_path / "out", options(**HALF, **fields))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ({"kind": 11, "op": "cast"}, "input is"),
        ({"kind": 2, "out_kind": 2, "op": "cast"}, "its scale is not told"),
        ({"op": "same"}, r"output 'y' is \(1, 3, 8, 8\)"),
    ],
)
def test_types_and_outputs_that_do_not_fit_are_refused(tmp_path, make, said):
    output = (1, 3, 8, 8) if make["op"] == "same" else (1, 3)
    path = classifier(tmp_path, (1, 3, 8, 8), output, **make)
    fields = {} if make.get("kind") == 2 else HALF
    with pytest.raises(BundleError, match=said):
        import_model(path, tmp_path / "out", options(kind="logits", **fields))


def scored(bundle, *colours):
    """Return the scores, and the probabilities, of pictures of one colour each: (colours, classes)."""
    frame = bundle.model_file()[1].one("frame")
    size = frame.shape[1:3] if frame.layout == "NHWC" else frame.shape[2:4]
    pixels = np.stack([np.full((*size, 3), colour, np.uint8) for colour in colours])
    scores = score_frames(bundle, load_runtime(bundle, probed=True), pixels)
    return scores[:, 0, 0], probabilities(scores, bundle.manifest)[:, 0, 0]


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
UNIT = {"mean": (0.0,), "std": (1.0,)}


def test_weights_beside_the_model_come_into_the_bundle(fixtures, tmp_path):
    pytest.importorskip("onnxruntime", reason="pip install 'firetower[onnx]'")
    (tmp_path / "in").mkdir()
    for name in ("ext.onnx", "ext.onnx.data"):
        shutil.copy(fixtures / "foreign" / name, tmp_path / "in")
    result = import_model(tmp_path / "in/ext.onnx", tmp_path / "out", options(labels=("a", "b"), **UNIT))
    assert "weights that lay beside ext.onnx are within model.onnx" in result.notes[0]
    shutil.rmtree(tmp_path / "in")
    result.bundle.pack(tmp_path / "out.zip")
    numbers = np.frombuffer((fixtures / "foreign/ext.onnx.data").read_bytes(), np.float32)
    scores, _ = scored(Bundle.open(tmp_path / "out.zip"), RED, GREEN, BLUE)
    assert scores == pytest.approx(numbers[:6].reshape(2, 3).T + numbers[6:], abs=1e-5)


def test_one_logit_is_a_sigmoid(imported):
    with pytest.raises(
        SettingsError, match=r"2 labels.*1 classes; a lone score needs one label.*--labels smoke,"
    ):
        imported("foreign/one_logit.onnx", labels=("clear", "smoke"), **UNIT)
    result = imported("foreign/one_logit.onnx", labels=("smoke",), **UNIT)
    assert "what logits mean: a sigmoid each" in result.notes
    scores, likely = scored(result.bundle, RED, GREEN, BLUE)
    assert scores.ravel() == pytest.approx([3.5, -2.5, -2.5])
    assert likely.ravel() == pytest.approx([0.9707, 0.0759, 0.0759], abs=1e-4)


def test_independent_labels_get_a_sigmoid_each(imported, fixtures, tmp_path):
    labels = ("red", "green", "blue")
    result = imported("foreign/multilabel_logits.onnx", labels=labels, **UNIT)
    assert any("--independent if several may be" in note for note in result.notes)
    _, likely = scored(result.bundle, (255, 255, 0))
    assert likely.ravel() == pytest.approx([0.4994, 0.4994, 0.0012], abs=1e-4)
    path = fixtures / "foreign/multilabel_logits.onnx"
    result = import_model(path, tmp_path / "each", options(labels=labels, independent=True, **UNIT))
    _, likely = scored(Bundle.open(tmp_path / "each"), (255, 255, 0))
    assert likely.ravel() == pytest.approx([0.9526, 0.9526, 0.0474], abs=1e-4)


def test_scores_behind_each_other_as_channels_are_labels(imported):
    bundle = imported("foreign/nchw_scores.onnx", labels=("clear", "smoke"), **UNIT).bundle
    assert bundle.model_file()[1].one("scores").shape == (1, 2, 1, 1)
    scores, _ = scored(bundle, RED, BLUE)
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert scores.argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 1, 3), (1, 1, 3, 1), (3, 1, 1, 1), (1, 1, 1, 1, 3)])
def test_scores_lie_along_any_axis(tmp_path, shape):
    path = classifier(tmp_path, (1, 3, 8, 8), shape, shaped=shape)
    bundle = import_model(path, tmp_path / "out", options(kind="logits", **UNIT)).bundle
    scores, _ = scored(bundle, (0, 51, 255))
    assert scores.ravel() == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1)])
def test_a_lone_score_has_any_shape(tmp_path, shape):
    path = classifier(tmp_path, (1, 3, 8, 8), shape, op="one", shaped=shape)
    bundle = import_model(path, tmp_path / "out", options(kind="logits", labels=("x",), **UNIT)).bundle
    scores, _ = scored(bundle, (0, 51, 255))
    assert scores.ravel() == pytest.approx([0.4])


def test_an_open_batch_is_one_picture(imported):
    assert (
        "input 'image' takes any number of pictures: it gets one at a time"
        in imported("stripes.onnx", **HALF).notes
    )


@pytest.mark.parametrize(
    ("frame", "fields", "said"),
    [
        (
            ("n", "c", "h", "w"),
            {"size_px": (8, 8)},
            "--layout: input .* may be NHWC .* or NCHW .*; say which",
        ),
        (("n", "c", "h", "w"), {"layout": "NCHW"}, "--size: .* is open; .* --size 224x224"),
        (("n", 3, 96, "w"), {}, "--size: .* --size 96x96"),
        (("n", 3, "h", 64), {"size_px": (8, 32)}, "--size: .* is fixed"),
    ],
)
def test_what_is_open_is_asked_for(tmp_path, frame, fields, said):
    path = classifier(tmp_path, frame, ("n", 3))
    with pytest.raises(SettingsError, match=said):
        import_model(path, tmp_path / "out", options(kind="logits", **HALF, **fields))


@pytest.mark.parametrize("frame", [("n", "c", "h", "w"), ("n", "c", 8, 8)])
def test_open_channels_are_three(tmp_path, frame):
    path = classifier(tmp_path, frame, ("n", "k"))
    fields = {"layout": "NCHW", "size_px": (8, 8)} if "h" in frame else {}
    bundle = import_model(path, tmp_path / "out", options(kind="logits", **UNIT, **fields)).bundle
    assert bundle.model_file()[1].one("frame").shape == (1, 3, 8, 8)
    assert scored(bundle, (0, 51, 255))[0].ravel() == pytest.approx([0, 0.2, 1])


def test_a_letterbox_is_told_unless_it_was_chosen(imported, fixtures, tmp_path):
    notes = " ".join(imported("stripes_uint8.tflite").notes)
    assert "a 16:9 picture fills 58% of the 24 × 24 px input, the rest is grey" in notes
    assert "--fit stretch" in notes
    for fit in ("letterbox", "stretch"):
        result = import_model(fixtures / "stripes_uint8.tflite", tmp_path / fit, options(fit=fit))
        assert "16:9" not in " ".join(result.notes)
        assert result.bundle.manifest.fit == fit


def test_an_unknown_label_to_alert_for_lists_those_that_exist(imported):
    many = tuple(f"bird {index}" for index in range(1000))
    alerts = {"Bird 7": Threshold(open=0.5, keep=0.5)}
    with pytest.raises(
        SettingsError, match=r"^--alert: 'Bird 7' .*\(bird 0, .* and 992 more\); did you mean 'bird 7'\?$"
    ):
        imported("stripes_uint8.tflite", labels=many, alerts=alerts)


def test_a_model_brings_its_own_labels_or_they_are_asked_for(fixtures, tmp_path):
    path = tmp_path / "m.tflite"
    shutil.copyfile(fixtures / "stripes_uint8.tflite", path)
    with pytest.raises(SettingsError, match=r"^--labels: needed, for m\.tflite brings none"):
        import_model(path, tmp_path / "out", options(labels=None))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "\n".join(STRIPE_LABELS))
    result = import_model(path, tmp_path / "out", options(labels=None))
    assert result.bundle.manifest.labels == STRIPE_LABELS
    assert "the labels are those that m.tflite brings" in result.notes[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("m.zip", "unpack it"),
        ("m.onnx.data", "these are weights: name the .onnx beside them"),
        ("m.pth", "export it with torch.onnx.export"),
        ("m.keras", "tf.lite.TFLiteConverter"),
    ],
)
def test_another_kind_of_file_says_what_to_do(tmp_path, name, said):
    with pytest.raises(BundleError, match=said):
        import_model(tmp_path / name, tmp_path / "out", options())


def test_a_tflite_file_with_an_open_size_takes_the_one_given(fixtures, stripes, tmp_path):
    model = tfl.ModelT.InitFromPackedBuf((fixtures / "stripes_float.tflite").read_bytes(), 0)
    frame = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    frame.shape, frame.shapeSignature = [1, 1, 1, 3], [-1, -1, -1, 3]
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    (tmp_path / "open.tflite").write_bytes(bytes(builder.Output()))
    with pytest.raises(SettingsError, match=r"--size: the input \(-1, -1, -1, 3\) is open"):
        import_model(tmp_path / "open.tflite", tmp_path / "out", options(**HALF))
    result = import_model(tmp_path / "open.tflite", tmp_path / "out", options(size_px=(24, 24), **HALF))
    pictures, labels = stripes(12, seed=78)
    scores = score_frames(result.bundle, load_runtime(result.bundle), pictures)
    assert (scores[:, 0, 0].argmax(-1) == labels).all()


def test_an_output_whose_rank_is_not_told_is_run_to_know_it(tmp_path):
    path = classifier(tmp_path, (1, 3, 8, 8), (1, 3, 1))  # declared otherwise than it comes: nothing is told
    bundle = import_model(path, tmp_path / "out", options(kind="logits", **UNIT)).bundle
    assert bundle.model_file()[1].one("scores").shape == (1, 3)
    assert score_frames(bundle, load_runtime(bundle), np.zeros((1, 8, 8, 3), np.uint8)).tolist() == [
        [[[0, 0, 0]]]
    ]


def test_a_size_that_the_network_does_not_run_with_is_named(tmp_path):
    path = classifier(tmp_path, (1, 3, "h", "w"), (1, 3), op="reshape", shaped=(1, 3, 8, 8))
    with pytest.raises(BundleError, match=r"any\.onnx: .*; is --size the one that it was trained with\?"):
        import_model(path, tmp_path / "out", options(size_px=(9, 9), **HALF))
