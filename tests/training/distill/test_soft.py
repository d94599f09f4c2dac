import pytest

from training.distill import soft


@pytest.mark.parametrize("data", [b"", b"nothing that torch wrote"])
def test_a_damaged_part_says_which_file_to_remove(tmp_path, data):
    part = tmp_path / "part-3.pt"
    part.write_bytes(data)
    with pytest.raises(ValueError, match=r"part-3.pt: damaged; remove it"):
        soft._part(part)
