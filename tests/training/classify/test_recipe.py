import pytest

from training.classify import recipe


@pytest.mark.parametrize("name", ["tiny", "cpu", "full"])
def test_recipes_that_ship_can_be_read(name):
    read = recipe.read(name)
    assert read.name == name
    assert (read.distillation.temperature, read.distillation.alpha) == (4.0, 0.7)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing required field `name`"),
        ('name = "x"\nepoch = 3', "unknown field `epoch`"),
        (
            'name = "x"\nmembers = ["y"]\n[pairs.p]\nnetwork = "resnet18"\nstem = "full"\ntraining = {epochs = 0}',
            "epochs",
        ),
        (
            'name = "x"\nmembers = ["y"]\n[pairs.p]\nnetwork = "resnet18"\nstem = "full"\ntraining = {epochs = 1}',
            "members: expected",
        ),
        ("name = ", "x.toml"),
    ],
)
def test_a_malformed_recipe_says_where(tmp_path, text, said):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        recipe.read(str(path))


def test_an_unknown_recipe_lists_those_that_ship():
    with pytest.raises(ValueError, match="cpu, full, tiny"):
        recipe.read("fast")
