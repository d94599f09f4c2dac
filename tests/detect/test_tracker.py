from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.detect import tracker as module
from edge.detect.calm import Thresholds
from edge.detect.region import Region
from edge.detect.tracker import MAX_TRACKS, Tracker
from edge.model.calm import Calm
from edge.model.manifest import Confirmation, Threshold

RULE = Confirmation(hits=2, window=3, close_after=2)


def region(row, col, height=2, width=2, peak=1.0, label="smoke"):
    box = (row, col, row + height, col + width)
    return Region(
        label, peak, (row, col), height * width, box, (col * 16, row * 16, box[3] * 16, box[2] * 16)
    )


def kinds(changes):
    return [(change.kind, change.track) for change in changes]


def play(rule, *frames):
    tracker = Tracker(rule)
    return [tracker.update(frame) for frame in frames]


def test_opens_after_k_of_n_frames_and_closes_after_unseen_ones():
    plume = [region(4, 4)]
    steps = play(RULE, plume, [], plume, plume, [], [], [])
    assert [kinds(step) for step in steps] == [
        [],
        [],
        [("opened", 1)],
        [("updated", 1)],
        [],
        [("closed", 1)],
        [],
    ]
    assert steps[2][0].sightings == 2
    assert steps[2][0].box_px == (64, 64, 96, 96)
    assert steps[5][0].reason == "unseen"
    assert steps[5][0].sightings == 3


def usual(row, col):
    return replace(region(row, col), usual=True)


def test_what_is_only_as_usual_is_held_each_time_and_opens_when_it_is_released():
    steps = play(RULE, [usual(4, 4)], [usual(4, 4)], [], [usual(4, 4)])
    assert [kinds(step) for step in steps] == [[], [("held", 1)], [], [("held", 1)]]
    assert steps[1][0].cell_box == (4, 4, 6, 6)
    tracker = Tracker(RULE)
    for _ in range(2):
        tracker.update([usual(4, 4)])
    assert tracker.numbers == {1}
    assert tracker.open_count == 0
    assert tracker.release([7]) == []
    assert kinds(tracker.release([1])) == [("opened", 1)]
    assert tracker.release([1]) == []
    assert kinds(tracker.update([usual(4, 4)])) == [("updated", 1)]  # the usual keeps it open
    assert [kinds(tracker.update([])) for _ in range(2)] == [[], [("closed", 1)]]
    assert tracker.numbers == set()


def test_enough_sights_that_are_not_usual_open():
    rule = Confirmation(hits=2, window=4, close_after=2)
    steps = play(rule, [region(4, 4)], [usual(4, 4)], [usual(4, 4), region(5, 5)])
    assert [kinds(step) for step in steps] == [[], [("held", 1)], [("opened", 1)]]


def far(row, col):
    return replace(region(row, col), usual=True, far=True)


def test_what_is_only_far_from_the_horizon_is_told_apart_and_opens_nothing():
    steps = play(
        RULE, [far(4, 4)], [far(4, 4)], [far(4, 4), usual(5, 5)], [usual(4, 4)], [region(4, 4)], [far(4, 4)]
    )
    assert [kinds(step) for step in steps] == [
        [],
        [("far", 1)],
        [("far", 1)],
        [("held", 1)],
        [("held", 1)],
        [("held", 1)],
    ]
    steps = play(RULE, [region(4, 4)], [region(4, 4)], *[[far(4, 4)]] * 3)
    assert [kinds(step) for step in steps[2:]] == [[("updated", 1)]] * 3  # it keeps what is open


def test_hits_farther_apart_than_the_window_never_open():
    plume = [region(4, 4)]
    assert not any(play(RULE, *([plume, [], []] * 5)))


def test_hits_before_the_window_do_not_count():
    plume = [region(4, 4)]
    rule = Confirmation(hits=3, window=5, close_after=2)
    assert not any(play(rule, plume, [], plume, [], [], plume))
    assert kinds(play(rule, plume, [], plume, [], plume)[-1]) == [("opened", 1)]


def test_a_candidate_that_can_no_longer_be_confirmed_is_forgotten():
    plume = [region(4, 4)]
    (opened,) = play(RULE, plume, [], [], plume, plume)[-1]
    assert (opened.track, opened.sightings) == (2, 2)


def test_one_hit_of_one_opens_at_once():
    assert kinds(play(Confirmation(hits=1, window=1, close_after=1), [region(0, 0)])[0]) == [("opened", 1)]


def test_a_plume_that_grows_and_drifts_stays_one_event():
    frames = [[region(10, col, 2 + col // 3, 3, peak=col)] for col in range(1, 12)]
    steps = play(RULE, *frames)
    assert [kinds(step) for step in steps] == [[], [("opened", 1)], *[[("updated", 1)]] * 9]
    assert steps[-1][0].peak == 11
    assert steps[-1][0].box_px == (176, 160, 224, 240)


def test_a_speck_that_jumps_is_followed_only_as_far_as_near():
    near, far = [region(5, 7, 1, 1)], [region(5, 8, 1, 1)]
    start = [region(5, 5, 1, 1)]
    assert kinds(play(RULE, start, near)[1]) == [("opened", 1)]
    assert not play(RULE, start, far)[1]


def test_the_peak_is_the_largest_so_far():
    steps = play(RULE, [region(1, 1, peak=3)], [region(1, 1, peak=9)], [region(1, 1, peak=2)])
    assert (steps[1][0].peak, steps[2][0].peak) == (9, 9)


def test_grew_tells_of_new_ground_only():
    one, wide = [region(4, 4)], [region(4, 4, 2, 5)]
    steps = play(RULE, one, one, one, wide, one, wide)
    assert [step[0].grew for step in steps[1:]] == [True, False, True, False, False]


def test_two_plumes_that_merge_become_the_one_first_seen():
    two = [region(4, 0, peak=1), region(4, 10, peak=9)]
    joined = [region(4, 0, 2, 12)]
    steps = play(RULE, [two[0]], two, two, joined)
    assert kinds(steps[2]) == [("updated", 1), ("opened", 2)]
    assert kinds(steps[3]) == [("updated", 1), ("closed", 2)]
    closing = steps[3][1]
    assert (closing.reason, closing.merged_into, closing.box_px) == ("merged", 1, (160, 64, 192, 96))


def test_a_candidate_that_merges_with_an_open_plume_leaves_no_trace():
    late = region(4, 0)
    plume = region(4, 10)
    steps = play(RULE, [late, plume], [plume], [plume], [late, plume], [region(4, 0, 2, 12)])
    assert [kinds(step) for step in steps[1:]] == [
        [("opened", 2)],
        [("updated", 2)],
        [("updated", 2)],
        [("updated", 2)],
    ]


def test_a_plume_that_splits_stays_one_and_its_box_is_the_hull():
    steps = play(RULE, [region(4, 0, 2, 12)], [region(4, 0, 2, 12)], [region(4, 0), region(4, 10)])
    assert kinds(steps[2]) == [("updated", 1)]
    assert steps[2][0].box_px == (0, 64, 192, 96)
    between = play(RULE, [region(4, 0, 2, 12)], [region(4, 0), region(4, 10)], [region(4, 5)], [region(4, 5)])
    assert kinds(between[3]) == [("closed", 1), ("opened", 2)], "the gap in the hull is nobody's"


def test_labels_do_not_mix():
    both = [region(4, 4, label="smoke"), region(4, 4, label="fire")]
    assert kinds(play(RULE, both, both)[1]) == [("opened", 1), ("opened", 2)]


def test_reset_closes_what_is_open_and_starts_anew():
    tracker = Tracker(RULE)
    tracker.update([region(0, 0)])
    tracker.update([region(0, 0), region(9, 9)])
    assert tracker.open_count == 1
    (closing,) = tracker.reset()
    assert (closing.kind, closing.track, closing.reason) == ("closed", 1, "reset")
    assert tracker.open_count == 0
    assert tracker.reset() == []
    assert tracker.update([region(9, 9)]) == []
    assert kinds(tracker.update([region(9, 9)])) == [("opened", 3)]


def test_noise_does_not_pile_up_and_a_plume_in_it_still_opens():
    tracker = Tracker(Confirmation(hits=3, window=5, close_after=10))
    opened = []
    for frame in range(12):
        noise = [region(r * 3, c * 5 + frame % 2 * 2, 1, 1, 0.5) for r in range(20) for c in range(10)]
        changes = tracker.update([*noise, region(100, 100, peak=2.0)])
        assert len(tracker._tracks) <= MAX_TRACKS
        opened += [change for change in changes if change.kind == "opened" and change.peak == 2.0]
    assert len(opened) == 1


boxes = st.builds(region, st.integers(0, 12), st.integers(0, 12), st.integers(1, 5), st.integers(1, 5),
                  st.integers(1, 3), st.sampled_from(["smoke", "fire"]))  # fmt: skip
frames = st.lists(boxes, max_size=6)
rules = st.builds(
    lambda hits, more, close: Confirmation(hits=hits, window=hits + more, close_after=close),
    st.integers(1, 3), st.integers(0, 2), st.integers(1, 4),
)  # fmt: skip


@given(rules, st.lists(st.tuples(frames, st.randoms(use_true_random=False)), max_size=12))
def test_the_order_of_regions_does_not_matter(rule_, steps):
    one, two = Tracker(rule_), Tracker(rule_)
    for regions, random in steps:
        shuffled = list(regions)
        random.shuffle(shuffled)
        assert one.update(regions) == two.update(shuffled)


class Plumes(RuleBasedStateMachine):
    """Whatever the regions: open, then updated, then closed, and no region in two open plumes."""

    @initialize(rule_=rules)
    def start(self, rule_):
        self.rule = rule_
        self.tracker = Tracker(rule_)
        self.open, self.closed, self.sightings = set(), set(), {}
        self.regions = []

    def take(self, changes):
        assert len({change.track for change in changes}) == len(changes)
        for change in changes:
            number = change.track
            assert number not in self.closed
            assert (number in self.open) == (change.kind != "opened")
            assert (change.reason is not None) == (change.kind == "closed")
            if change.kind == "opened":
                assert self.rule.hits <= change.sightings
                self.open.add(number)
            elif change.kind == "updated":
                assert change.sightings == self.sightings[number] + 1
            else:
                assert change.sightings == self.sightings[number]
                self.open.remove(number)
                self.closed.add(number)
            self.sightings[number] = change.sightings
        for change in changes:
            assert change.merged_into is None or change.merged_into < change.track
            assert change.merged_into is None or change.merged_into in self.open

    @rule(regions=frames)
    def update(self, regions):
        self.regions = regions
        self.take(self.tracker.update(regions))

    @rule()
    def nothing(self):
        self.update([])

    @rule()
    def reset(self):
        self.take(self.tracker.reset())
        assert not self.open

    @invariant()
    def no_region_lies_in_two_plumes(self):
        if not hasattr(self, "tracker"):
            return
        tracks = [track for track in self.tracker._tracks if track.open]
        assert {track.number for track in tracks} == self.open
        assert len(self.tracker._tracks) <= MAX_TRACKS
        assert all(track.unseen < self.rule.close_after for track in tracks)
        for here in self.regions:
            touching = [
                track.number
                for track in tracks
                if track.label == here.label
                and any(module._overlap(own.cell_box, here.cell_box) for own in track.seen)
            ]
            assert len(touching) <= 1


TestPlumes = Plumes.TestCase
TestPlumes.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("count", [MAX_TRACKS, MAX_TRACKS + 40])
def test_open_plumes_are_never_dropped_for_candidates(count):
    tracker = Tracker(Confirmation(hits=1, window=1, close_after=100))
    tracker.update([region(0, col * 8) for col in range(count)])
    assert tracker.open_count == MAX_TRACKS
    tracker.update([region(50, col * 8, peak=9) for col in range(count)])
    assert tracker.open_count == MAX_TRACKS


def test_what_is_open_outlasts_a_gap_and_a_candidate_does_not():
    tracker = Tracker(RULE)
    plume, candidate = region(4, 4), region(20, 20)
    tracker.update([plume])
    assert kinds(tracker.update([plume, candidate])) == [("opened", 1)]
    tracker.forget_candidates()
    assert kinds(tracker.update([plume, candidate])) == [("updated", 1)]


def test_what_is_held_back_is_followed_through_gaps_as_an_open_plume_is():
    rule_ = Confirmation(hits=2, window=3, close_after=4)
    tracker = Tracker(rule_)
    assert kinds(tracker.update([usual(3, 3)])) == []
    assert [change.kind for change in tracker.update([usual(3, 3)])] == ["held"]
    assert tracker.confirmed_labels == {"smoke"}
    (number,) = tracker.numbers
    for _ in range(3):
        tracker.update([])
    assert tracker.numbers == {number}
    tracker.update([usual(3, 3)])
    assert tracker.numbers == {number}
    for _ in range(4):
        tracker.update([])
    assert tracker.numbers == frozenset()
    assert tracker.confirmed_labels == set()


def test_a_calm_camera_does_not_raise_its_bar_against_what_is_held_back():
    tracker = Tracker(Confirmation(hits=2, window=3, close_after=4))
    rule_ = Calm(margin=2.0, fall=3.5, lag=3, least=2)
    thresholds = Thresholds(rule_, {"smoke": Threshold(open=1.0, keep=0.0)}, ("smoke",))
    for _ in range(8):
        thresholds.learn(np.full((4, 4, 1), -6.0, np.float32), None, tracker.confirmed_labels)
    assert thresholds.now["smoke"].open == -2.5
    for _ in range(12):
        tracker.update([usual(3, 3)])
        thresholds.learn(np.full((4, 4, 1), -0.5, np.float32), None, tracker.confirmed_labels)
        assert thresholds.now["smoke"].open == -2.5


def test_what_flows_into_what_is_known_of_candidates_too_and_so_is_how_far_each_reached():
    tracker = Tracker(RULE)
    tracker.update([region(0, 0), region(8, 0), region(8, 8)])
    assert tracker.flowed == {}
    tracker.update([region(0, 1), region(8, 0, 2, 10)])
    assert tracker.flowed == {3: 2}
    assert tracker.reaches == {1: (0, 0, 2, 3), 2: (8, 0, 10, 10)}
    tracker.update([region(0, 1)])
    assert tracker.flowed == {}
