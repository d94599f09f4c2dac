"""What a left-out side must not touch is refused by digest: at the door, in caches, and by the judge."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest
import torch

from tests.training.smoke.fold import made
from tests.training.smoke.test_head import made_up
from training.distill.setting import Distillation
from training.gate.stream import Part
from training.network.lite0 import Backbone
from training.smoke import features
from training.smoke.data.read import read
from training.smoke.dataset import load_examples
from training.smoke.fold.plan import Fold, plan
from training.smoke.fold.train import choose, train
from training.smoke.recipe import Recipe
from training.smoke.side import MADE_OF, USES, LeakError, TrainingSide, Use, pictures_of
from training.smoke.train import METHODS, teach, train_head
from training.step.step import Step, digests, picture_digest
from training.step.workshop import Workshop

TINY = Recipe(steps=1, batch=2, channels=4, width=4)


@pytest.fixture(scope="module")
def folds(tmp_path_factory: pytest.TempPathFactory) -> list[Fold]:
    dataset = read(made.fires(tmp_path_factory.mktemp("fires")))
    return plan([dataset], by_mast=False, trains_on_quiet=False)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    shop = Workshop(tmp_path, METHODS | {"cache": 1})
    shop.leave()
    return shop


@pytest.fixture
def side(shop: Workshop, folds: list[Fold], tmp_path: Path) -> TrainingSide:
    return TrainingSide(shop, folds[0].training, pictures_of(folds[0].held), tmp_path / "bundle")


def first_picture(part: Part) -> str:
    return picture_digest(part.paths[0])


def cached(shop: Workshop, made_of: list[str] | None) -> Step:
    """A finished step, such as a teacher or its soft labels; its key is the same whatever it was made from."""
    step = shop.step("cache", "cache", {})
    step.folder.mkdir(parents=True)
    step.finish({} if made_of is None else {MADE_OF: made_of})
    return step


@dataclass
class Leaking(made.Copied):
    """Notes a left-out picture for one use."""

    use: Use = "teacher"
    digest: str = ""

    def train(self, side: TrainingSide) -> Path:
        side.note(self.use, [self.digest])
        return super().train(side)


@pytest.mark.parametrize("use", USES)
def test_a_left_out_picture_is_refused_for_every_use(shop: Workshop, folds: list[Fold], use: Use) -> None:
    fold = folds[0]
    with pytest.raises(
        LeakError, match=rf"^{use}: made from {fold.held[0].truth.id}/000.png, which is left out"
    ):
        train(shop, fold, Leaking(use=use, digest=first_picture(fold.held[0])))
    assert train(shop, fold, Leaking(use=use, digest=first_picture(fold.training[0]))).used[use] > 0


@pytest.mark.parametrize("use", USES)
def test_a_cache_made_from_a_left_out_picture_is_refused_though_its_key_fits(
    shop: Workshop, folds: list[Fold], side: TrainingSide, use: Use
) -> None:
    good, bad = first_picture(folds[0].training[0]), first_picture(folds[0].held[0])
    step = cached(shop, [good, bad])
    assert shop.step("cache", "cache", {}).record() is not None
    with pytest.raises(LeakError, match=use):
        side.take(step, use)
    assert use not in side.handed()
    step.finish({MADE_OF: [good]})
    assert side.take(step, use) is step
    assert side.handed() == {use: [good]}


def test_the_time_of_what_was_found_made_counts_and_of_what_was_made_meanwhile_does_not(
    shop: Workshop, folds: list[Fold], side: TrainingSide
) -> None:
    good = first_picture(folds[0].training[0])
    step = shop.once(shop.step("cache", "cache", {}), lambda: {MADE_OF: [good], "took_s": 7.0})
    assert side.take(side.take(step, "features"), "training").read()["took_s"] == 7.0
    assert side.found_s == 0.0
    for _ in range(2):
        later = TrainingSide(shop, folds[1].training, {}, side.out)
        later.take(later.take(step, "features"), "training")
        assert later.found_s == 7.0
        shop = Workshop(shop.work, METHODS | {"cache": 1})  # another process finds it as well


@pytest.mark.parametrize("made_of", [None, []])
def test_a_cache_that_does_not_say_what_it_was_made_from_is_refused(
    shop: Workshop, side: TrainingSide, made_of: list[str] | None
) -> None:
    with pytest.raises(LeakError, match="does not say"):
        side.take(cached(shop, made_of), "soft labels")


def test_a_sequence_of_the_other_side_is_not_handed_out(folds: list[Fold], side: TrainingSide) -> None:
    with pytest.raises(LeakError, match="is not of the training side"):
        side.pictures(folds[0].held[0].truth, "backgrounds")


def test_a_copy_under_another_name_is_the_same_picture(
    shop: Workshop, folds: list[Fold], tmp_path: Path
) -> None:
    """A left-out picture is known by its bytes, whichever sequence it lies in."""
    copy = tmp_path / "copy.png"
    copy.write_bytes(folds[0].held[0].paths[3].read_bytes())
    part = folds[0].training[0]
    wrong = Part(part.truth, (copy, *part.paths[1:]), data=part.data)
    side = TrainingSide(shop, [wrong], pictures_of(folds[0].held), tmp_path / "bundle")
    with pytest.raises(LeakError, match=r"003\.png"):
        side.pictures(part.truth, "features")


def test_the_judge_refuses_a_finished_bundle_whose_record_meets_the_left_out_side(
    shop: Workshop, folds: list[Fold]
) -> None:
    fold = folds[0]
    folder = train(shop, fold, made.Copied()).folder.parent
    record = msgspec.json.decode((folder / "record.json").read_bytes())
    record["handed"]["soft labels"] = [first_picture(fold.held[0])]
    (folder / "record.json").write_bytes(msgspec.json.encode(record))
    recipe = made.Copied()
    with pytest.raises(LeakError, match="soft labels"):
        train(shop, fold, recipe)
    record["handed"] = {}
    (folder / "record.json").write_bytes(msgspec.json.encode(record))
    with pytest.raises(LeakError, match="does not say"):
        train(shop, fold, recipe)
    assert recipe.trained == []


def test_the_choice_must_not_see_what_fold_1_judges(shop: Workshop, folds: list[Fold]) -> None:
    class Peeking(made.Copied):
        def choose(self, side: TrainingSide) -> made.Copied:
            side.pictures(folds[0].held[0].truth, "choice")
            return self

    with pytest.raises(LeakError, match="choice"):
        choose(shop, folds, Peeking())


def test_features_say_what_they_were_made_from_and_a_leaked_cache_is_refused(
    shop: Workshop, folds: list[Fold], side: TrainingSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fake(folder: Path, *_: object) -> dict[str, object]:
        torch.save(torch.zeros(made.FRAMES, 112, 30, 40, dtype=torch.float16), folder / features.FEATURES)
        return {"files": digests(folder, features.FEATURES)}

    monkeypatch.setattr(features, "_write", fake)
    backbone, parts = Backbone(), folds[0].training
    one = TrainingSide(shop, parts[:1], pictures_of(folds[0].held), side.out)
    (example,) = load_examples(one, backbone, None)
    assert example.made_of == set(map(picture_digest, parts[0].paths))
    assert one.handed()["features"] == sorted(example.made_of)
    step = features.extract(shop, backbone, parts[0].truth.id, parts[0].paths, None)
    step.finish({**step.read(), MADE_OF: [first_picture(folds[0].held[0])]})
    with pytest.raises(LeakError, match="features"):
        load_examples(one, backbone, None)


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_heads_and_soft_labels_inherit_what_their_examples_were_made_from(
    shop: Workshop, folds: list[Fold], side: TrainingSide
) -> None:
    good, bad = first_picture(folds[0].training[0]), first_picture(folds[0].held[0])
    examples = [replace(made_up(name, "1"), made_of=frozenset({good})) for name in ("a", "b")]
    leaked = [examples[0], replace(examples[1], sha256="other", made_of=frozenset({bad}))]
    side.take(train_head(shop, "good", examples, TINY), "feature scale", "training")
    teacher = train_head(shop, "leaked", leaked, TINY)
    with pytest.raises(LeakError, match="teacher"):
        side.take(teacher, "teacher")
    taught = teach(shop, [teacher], examples)
    with pytest.raises(LeakError, match="soft labels"):
        side.note("soft labels", taught[0].made_of)
    student = train_head(shop, "student", taught, TINY, Distillation(temperature=2.0, alpha=0.5))
    with pytest.raises(LeakError, match="training"):
        side.take(student, "training")
