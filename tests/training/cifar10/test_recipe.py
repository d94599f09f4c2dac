import pytest

from training.cifar10 import recipe

PAIR = """
name = "x"
members = ["p/0"]
[pairs.p]
network = "resnet18"
stem = "full"
training = { epochs = 1 }
"""
OTHER_SHIFT = """
[teachers.t]
network = "resnet18"
stem = "full"
training = { epochs = 1, shift_px = 2 }
"""


@pytest.mark.parametrize("name", ["tiny", "cpu", "muon", "full"])
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
        (PAIR.replace("resnet18", "resnet19"), "pairs.p.network: expected one of"),
        (PAIR.replace("[pairs.p]", '[pairs."../p"]'), "expected letters"),
        (PAIR + "seeds = [1, 1]", "each once"),
        (PAIR + "seeds = []", "seeds"),
        (PAIR + 'sibling = "q"', "expected a teacher of network resnet18, stem full"),
        (PAIR.replace("members", "pairs_on_all = true\nmembers"), "pairs_on_all needs a teacher"),
        (PAIR.replace("epochs = 1", "epochs = 1, muon = { momentum = 1.0 }"), "momentum"),
        (PAIR.replace("epochs = 1", "epochs = 1, muon = { iterations = 100 }"), "iterations"),
        (PAIR.replace("epochs = 1", "epochs = 1, muon = { weight_decay = -0.1 }"), "weight_decay"),
        (PAIR.replace("epochs = 1", "epochs = 1, weight_decay = nan"), "weight_decay"),
        (PAIR + "[distillation]\ntemperature = inf", "temperature: expected a finite"),
        (PAIR + OTHER_SHIFT, "shift_px: the pool of views is everyone's"),
    ],
)
def test_a_malformed_recipe_says_where(tmp_path, text, said):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        recipe.read(str(path))


def test_an_unknown_recipe_lists_those_that_ship():
    with pytest.raises(ValueError, match="cpu, full, muon, tiny"):
        recipe.read("fast")
