"""What is written is read back the same."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.toml import dump

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALAR = (
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
VALUE = st.recursive(
    SCALAR | st.lists(SCALAR), lambda inner: st.dictionaries(TEXT, inner) | st.lists(inner), max_leaves=8
)


@settings(max_examples=50)
@given(st.dictionaries(TEXT, VALUE))
def test_a_document_comes_back_the_same(document: dict) -> None:
    assert tomllib.loads(dump(document)) == document


def test_it_reads_like_a_hand_wrote_it() -> None:
    document = {
        "tower": {"name": "tower-7"},
        "cameras": {"north": {"uri": "rtsp://x/y", "masks": [[[0.0, 1.0]]]}},
    }
    assert dump(document) == (
        '[tower]\nname = "tower-7"\n\n[cameras.north]\nuri = "rtsp://x/y"\nmasks = [[[0.0, 1.0]]]\n'
    )


def test_what_toml_lacks_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        dump({"a": None})
