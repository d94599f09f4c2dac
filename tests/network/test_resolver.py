"""Cameras with names: a name server that never answers, names of /etc/hosts, hosts of several addresses."""

import json
import sys

TRIES = 100
CAMERAS = ("rtsp://north.example/live", "http://south.example/live")
DEAD6 = "2001:db8::dead"  # nobody has it


def test_a_name_server_that_never_answers_costs_a_thread_a_camera(watch):
    found = watch(sys.executable, "-m", "tests.network.tries", str(TRIES), *CAMERAS, answers=False)
    assert found.seen.code == 0, found.seen.told
    assert {name for name in found.seen.names if "example" in name} == {"north.example", "south.example"}
    tried = json.loads(found.seen.said.splitlines()[-1])
    assert sum(tried["said"].values()) == TRIES * len(CAMERAS)
    for said in tried["said"]:
        assert "got no answer for 0.01 s; see to the name servers" in said
    assert tried["threads"] <= 1 + len(CAMERAS)
    assert tried["descriptors"] < 30


def test_a_name_of_hosts_with_a_dead_address_before_its_good_one(watch):
    hosts = f"{DEAD6} camera.example\n127.0.0.1 camera.example\n"
    asked = ["camera.example:PORT", "127.0.0.1:PORT", "[::1]:PORT", "localhost:PORT"]
    addresses = [f"http://{host}/live" for host in asked]
    found = watch(sys.executable, "-m", "tests.network.glance", *addresses, answers=False, hosts=hosts)
    assert found.seen.code == 0, found.seen.told
    assert json.loads(found.seen.said.splitlines()[-1]) == asked
