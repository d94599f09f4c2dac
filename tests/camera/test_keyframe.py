"""The choice of packets."""

from edge.camera.keyframe import Decode, PacketChoice
from edge.camera.schedule import Schedule

S = 1_000_000_000


def choices(choice: PacketChoice, packets: str) -> str:
    """One letter a packet of a tenth of a second, K a keyframe: S skipped, A alone, . in a stream."""
    letters = {Decode.SKIP: "S", Decode.ALONE: "A", Decode.STREAM: "."}
    return "".join(
        letters[choice.choose(number * S // 10, key=packet == "K")] for number, packet in enumerate(packets)
    )


def test_without_a_cadence_all_are_decoded():
    assert choices(PacketChoice(Schedule(0), intra_only=False), "KppKpp") == "......"


def test_packets_before_the_first_keyframe_are_skipped():
    assert choices(PacketChoice(Schedule(0), intra_only=False), "ppKpp") == "SS..."


def test_a_stream_that_marks_no_keyframe_is_decoded_at_last():
    assert choices(PacketChoice(Schedule(0), intra_only=False), "p" * 302) == "S" * 300 + ".."


def test_keyframes_alone_once_they_are_known_to_be_close():
    assert choices(PacketChoice(Schedule(0.4), intra_only=False), "KpKpKpKpKp") == "..SSASSSAS"


def test_keyframes_far_apart_are_a_stream_and_the_choice_follows_a_change():
    packets = "Kppp" + "Kppp" + "Kp" * 10
    chosen = choices(PacketChoice(Schedule(0.3), intra_only=False), packets)
    assert chosen[:10] == "." * 10
    assert set(chosen[-4:]) <= set("SA")


def test_the_longest_of_the_last_intervals_counts():
    assert choices(PacketChoice(Schedule(0.3), intra_only=False), "KpppppKpKpKpp") == "." * 13


def test_intra_only_codecs_are_decoded_when_due():
    assert choices(PacketChoice(Schedule(0.3), intra_only=True), "KKKKKKK") == "ASSASSA"


def test_keyframes_that_give_no_picture_alone_are_given_up():
    choice = PacketChoice(Schedule(0.1), intra_only=False)
    assert choices(choice, "KK") == ".A"
    for _ in range(3):
        choice.empty()
    assert choice.choose(2 * S, key=True) is Decode.STREAM


def test_an_interval_that_is_known_before_counts_from_the_first_keyframe_on():
    close, far = (PacketChoice(Schedule(0.3, trial=True), intra_only=False) for _ in range(2))
    close.foresee(3 * S // 10)
    assert choices(close, "KppKppKpp") == "ASSASSASS"
    far.foresee(4 * S // 10)
    assert choices(far, "KpppKpppKp") == "." * 10
