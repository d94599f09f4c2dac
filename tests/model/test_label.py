import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.document import text_of
from edge.errors import SettingsError
from edge.model.label import labels_within, parse_labels, read_labels, some

PETS = ("cat", "dog", "Great Dane")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a line", "cat\ndog\nGreat Dane\n"),
        ("Windows", "\ufeffcat\r\n dog \r\nGreat Dane\r\n\r\n\r\n"),
        ("index", "0 cat\n1 dog\n2 Great Dane"),
        ("index from 1", "1 cat\n2 dog\n3 Great Dane"),
        ("colon", "0: cat\n1: dog\n2: Great Dane\n"),
        ("tight colon", "0:cat\n1:dog\n2:Great Dane\n"),
        ("comma", "0,cat\n1,dog\n2,Great Dane"),
        ("tab", "0\tcat\n1\tdog\n2\tGreat Dane"),
        ("dot", "0. cat\n1. dog\n2. Great Dane"),
        ("bracket", "0) cat\n1) dog\n2) Great Dane"),
        ("padded", "  0  cat\n 1  dog\n 2  Great Dane"),
        ("zeros", "00 cat\n01 dog\n02 Great Dane"),
        ("any order", "2 Great Dane\n\n0 cat\n1 dog"),
        ("synsets", "n02123045 cat\nn02084071 dog\nn02109047 Great Dane"),
        ("indexed synsets", "0 n02123045 cat\n1 n02084071 dog\n2 n02109047 Great Dane"),
        ("heading in text", "index,label\n0,cat\n1,dog\n2,Great Dane"),
        ("tight bracket", "(0) cat\n(1) dog\n(2) Great Dane"),
        ("square bracket", "[0] cat\n[1] dog\n[2] Great Dane"),
        ("bar", "0|cat\n1|dog\n2|Great Dane"),
        ("comma behind", "cat,0\nGreat Dane,2\ndog,1"),
        ("colon behind", "Great Dane: 2\ncat: 0\ndog: 1\n"),
        ("tab behind", "Great Dane\t3\ncat\t1\ndog\t2"),
        ("blank behind", "Great Dane 2\ncat 0\n\ndog 1"),
        ("blank behind, in order", "cat 1\ndog 2\nGreat Dane 3"),
        ("synsets with an index", "n02084071 1 dog\nn02123045 0 cat\nn02109047 2 Great Dane"),
        ("quoted", "'cat'\n'dog'\n'Great Dane'"),
        ("quoted and indexed", "1: 'dog',\n0: 'cat',\n2: 'Great Dane'"),
        ("list", '["cat", "dog", "Great Dane"]'),
        ("by index", '\ufeff{"0": "cat", "1": "dog", "2": "Great Dane"}\n'),
        ("by index from 1", '{"3": "Great Dane", "2": "dog", "1": "cat"}'),
        ("by label", '{"Great Dane": 2, "cat": 0, "dog": 1}'),
        ("Keras", '{"0": ["n02123045", "cat"], "1": ["n02084071", "dog"], "2": ["n02109047", "Great Dane"]}'),
        ("Hugging Face", '{"id2label": {"0": "cat", "1": "dog", "2": "Great Dane"}, "label2id": {"x": 0}}'),
    ],
)
def test_labels_as_people_have_them(name, text):
    assert parse_labels(text_of(text.encode())) == PETS, name


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".csv", "index,label\n0,cat\n1,dog\n2,Great Dane\n"),
        (".csv", "\ufefflabel;id\r\n cat ;0\r\nGreat Dane;2\r\n dog;1\r\n\r\n"),
        (".CSV", "0,cat\n1,dog\n2,Great Dane"),
        (".csv", "cat,0\ndog,1\nGreat Dane,2"),
        (".csv", "cat\ndog\nGreat Dane"),
        (".csv", "label\ncat\ndog\nGreat Dane"),
        (".csv", "animal,number\ncat,0\ndog,1\nGreat Dane,2"),
        (".csv", 'class_id,class_name,pictures\n0,"cat",500\n1,"dog",0\n2,"Great Dane",1\n'),
        (".csv", "index,mid,display_name\n0,/m/01yrx,cat\n1,/m/0bt9lr,dog\n2,/m/02x,Great Dane"),
        (".csv", "class,name\n0,cat\n1,dog\n2,Great Dane"),
        (".csv", ",name\n0,cat\n1,dog\n2,Great Dane"),
        (".tsv", "id\tname\n1\tcat\n2\tdog\n3\tGreat Dane"),
    ],
)
def test_labels_of_tables(suffix, text):
    assert parse_labels(text_of(text.encode()), suffix) == PETS


def test_labels_may_hold_commas_numbers_and_brackets():
    assert parse_labels("tench, Tinca tinca\ngreat white, shark") == (
        "tench, Tinca tinca",
        "great white, shark",
    )
    assert parse_labels('0,"a, b"\n1,c', ".csv") == ("a, b", "c")
    assert parse_labels("0 20 km/h\n1 30 km/h") == ("20 km/h", "30 km/h")
    assert parse_labels("zone 1\nzone 2") == ("zone 1", "zone 2")
    assert parse_labels("0\n1\n2") == ("0", "1", "2")
    assert parse_labels("lane 2\nlane 1") == ("lane 2", "lane 1")
    assert parse_labels("zone 1\nlake\nzone 2") == ("zone 1", "lake", "zone 2")
    assert parse_labels("0 boeing 737\n1 airbus 320") == ("boeing 737", "airbus 320")
    assert parse_labels("smoke 1") == ("smoke 1",)
    assert parse_labels("0 1,000 m\n1 2,000 m") == ("1,000 m", "2,000 m")
    assert parse_labels("0 zone 1\n1 zone 2") == ("zone 1", "zone 2")
    assert parse_labels("7 up\ncola") == ("7 up", "cola")
    assert parse_labels("[none]\ncat") == ("[none]", "cat")


def test_labels_that_come_twice_get_a_number():
    assert parse_labels("crane\nheron\ncrane\ncrane") == ("crane", "heron", "crane (2)", "crane (3)")


@pytest.mark.parametrize(
    ("suffix", "text", "said"),
    [
        ("", "", "no label in it; expected one label a line"),
        ("", "\ufeff\n\n", "no label in it"),
        ("", "a\n\nb", "line 2 is empty"),
        ("", "20 km/h\n30 km/h", "indices 20, 30 do not count.*put an index before them"),
        ("", "0 a\n1 b\n1 c", "indices 0, 1, 1 do not count"),
        ("", "0 a\n2 b", "do not count"),
        ("", "2 a\n3 b", "indices 2, 3 do not count"),
        ("", "0 clear\n1 smoke\nfog", "2 lines have an index, 'fog' has none; give all of them one, or none"),
        ("", "# made by hand\n0 clear\n1 smoke", "2 lines have an index, '# made by hand' has none"),
        ("", "id label\n0 clear\n1 smoke", "'id label' has none"),
        ("", "0 clear\n1 smoke\n2", "'2' has none"),
        ("", "zebra,1\nant,0\nbee", "2 lines have an index, 'bee' has none"),
        ("", "zebra 1\nant 0\nbee", "2 lines have an index, 'bee' has none"),
        ("", "boeing 737\nairbus 320", "indices 737, 320 do not count.*put an index before them"),
        ("", "zebra,7\nant,3", "indices 7, 3 do not count"),
        ("", "zebra,1\nant,1", "indices 1, 1 do not count"),
        ("", "1,000 m\n2,000 m", "'1,000 m' may be an index and a label, .*'0 1,000 m'"),
        ("", "0,100 m\n1,200 m", "'0,100 m' may be an index and a label"),
        ("", '["cat", 3]', "3 is no label"),
        ("", '["cat", ""]', "'' is no label"),
        ("", '["cat", {"name": "dog"}]', "is no label; expected"),
        ("", '{"cat": 0, "dog": 0}', "indices 0, 0 do not count"),
        ("", '{"0": "cat", "2": "dog"}', "do not count"),
        ("", '{"cat": "dog"}', "'cat' is no index; expected"),
        ("", "{}", "expected one label"),
        ("", "[]", "no label in it"),
        ("", "{0: 'cat', 1: 'dog'}", "it is not JSON"),
        (".json", "cat", "it is not JSON"),
        (".json", "3", "expected one label"),
        ("", "[" * 5000 + "]" * 5000, "is no|not JSON"),
        (".csv", "a,b\nc,d\n", "which of the 2 columns has the labels"),
        (".csv", "0,cat\n1,dog,wild\n", "row 2 has 3 columns, the first has 2; put"),
        (".csv", "id,label\n0,cat\n0,dog\n", "indices 0, 0 do not count"),
        (".csv", "id,label\n0,cat\n1,\n", "the label in row 2 is empty"),
        (".csv", "id,label\n", "no label in it"),
        (".pbtxt", "item { id: 1 name: 'cat' }", ".pbtxt files are not read; expected"),
        (".yaml", "names:\n  0: cat", ".yaml files are not read"),
    ],
)
def test_labels_that_may_shift_or_mislead_are_refused_with_advice(suffix, text, said):
    with pytest.raises(SettingsError, match=f"^--labels: .*{said}"):
        parse_labels(text_of(text.encode()), suffix)


@given(st.text(max_size=60), st.sampled_from(["", ".csv", ".json", ".txt"]))
def test_any_text_gives_labels_or_is_refused(text, suffix):
    try:
        labels = parse_labels(text, suffix)
    except SettingsError:
        return
    assert labels
    assert len(set(labels)) == len(labels)
    assert "" not in labels


def test_many_equal_labels_are_numbered_at_once():
    labels = parse_labels("smoke\n" * 20_000)
    assert labels[:2] == ("smoke", "smoke (2)")
    assert len(set(labels)) == 20_000
    with pytest.raises(SettingsError, match="100001 labels"):
        parse_labels("smoke\n" * 100_001)


def test_a_file_or_the_labels_themselves(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(PETS))
    assert read_labels(str(tmp_path / "a.json")) == PETS
    assert read_labels("cat, dog,Great Dane") == PETS
    assert read_labels("smoke,") == ("smoke",)
    with pytest.raises(SettingsError, match=r"no file 'smoke'.*a lone one: smoke,"):
        read_labels("smoke")


def test_another_encoding_is_told(tmp_path):
    (tmp_path / "a.txt").write_text("cat\ndog", encoding="utf-16")
    with pytest.raises(SettingsError, match="it is not UTF-8 text but UTF-16; save it as UTF-8"):
        read_labels(str(tmp_path / "a.txt"))


def packed(model, **files):
    buffer = io.BytesIO()
    buffer.write(model)
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return buffer.getvalue()


def test_labels_that_a_tflite_file_brings(fixtures):
    model = (fixtures / "stripes_uint8.tflite").read_bytes()
    assert labels_within(model, "m") is None
    assert (
        labels_within(packed(model, labels_de__txt="Katze", labels__txt="cat\ndog\nGreat Dane"), "m") == PETS
    )
    assert labels_within(packed(model, notes__txt="cat"), "m") is None
    assert labels_within(packed(model, **{"../labels.txt": "cat"}), "m") is None


def test_a_list_for_people_is_bounded():
    assert some("abc") == "a, b, c"
    assert some([str(one) for one in range(1000)]) == "0, 1, 2, 3, 4, 5, 6, 7 and 992 more"
