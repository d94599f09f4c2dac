"""What a result says of the steps that it was collected from."""

from types import SimpleNamespace

from training.cifar10.report import collect


def test_teachers_have_the_names_that_this_recipe_gives_them():
    def network(name, split):
        return SimpleNamespace(run=SimpleNamespace(name=f"teacher-{name}", split=split))

    made = {
        "commit": None,
        "date": "2026-01-01T00:00:00+00:00",
        "machine": {"processor": "a", "cores": 1, "system": "Linux", "python": "3.11"},
    }
    soft = {
        "made": made,
        "members": ["teacher-old", "teacher-oldest"],
        "split": "all",
        "shift_px": 4,
        "shape": [2, 30, 10],
        "training_accuracy_of_view_0": 0.9,
    }
    compared = {
        "made": made,
        "members": ["teacher-old"],
        "validation_accuracy": 0.9,
        "with": {"teacher-older": 0.8},
    }
    sources = SimpleNamespace(
        networks={
            "new": network("new", "training"),
            "seen": network("seen", "all"),
            "left": network("left", "training"),
        },
        soft=SimpleNamespace(read=lambda: soft),
        compared=SimpleNamespace(read=lambda: compared),
    )
    recipe = SimpleNamespace(members=("new", "seen"), teachers={"left": None, "new": None})
    ensemble, teachers = collect.teaching(recipe, sources)
    assert ensemble.members == ("teacher-new", "teacher-seen")
    assert (teachers.members, teachers.validation_accuracy) == (("teacher-new",), 0.9)
    assert teachers.with_each == {"teacher-left": 0.8}
