import pytest

from training.cifar10 import logits


@pytest.mark.parametrize("data", [b"", b"nothing that torch wrote"])
def test_a_damaged_view_says_which_file_to_remove(tmp_path, data):
    part = tmp_path / "view-3.pt"
    part.write_bytes(data)
    with pytest.raises(ValueError, match=r"view-3.pt: damaged; remove it"):
        logits._part(part)
