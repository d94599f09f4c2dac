"""Every command, in a network where somebody could hear it: it asks no name, calls nobody, writes nowhere unasked."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from tests.deploy.conftest import wheels, write_board  # noqa: F401 — one is a fixture
from tests.network.heard import DEVICE, TOWER, started
from tests.network.watch import ROUTER

LIVES_S = 15  # ONNX Runtime asks its first name after some ten seconds
UNMUTED = "import onnxruntime, time; time.sleep(120)"

INDEX = "index.example"
PORT = 18883
BROKER = f"listener {PORT} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n"
SENDING = f"""
[tower]
id = "tower-7"
[cameras.scene]
uri = "scene:"
[sinks.hq]
url = "mqtt://127.0.0.1:{PORT}"
origins = ["live", "simulated"]
[operators]
anna = "anna.key"
[store]
path = "events.sqlite"
[web]
port = 0
"""
# An sshd in the same network, as long as the command after it runs, and what the command had started there.
BESIDE = """
"$0" "$1" "$2" "$3" "$4" "$5" & server=$!
until grep -q listening "$3"; do sleep 0.1; done 2>/dev/null
shift 5; "$@"; code=$?; kill $server
if [ -e "$SERVICE" ]; then
    kill $(cat "$SERVICE"); while kill -0 $(cat "$SERVICE"); do sleep 0.1; done 2>/dev/null
fi
exit $code
"""
# The daemon in the same network, until the command after it is content.
WATCHED = """
"$0" -P -m edge run "$1" >/dev/null 2>&1 & daemon=$!
shift; until "$@"; do kill -0 $daemon || exit 9; sleep 0.2; done
kill $daemon; wait $daemon
"""


# A broker in the same network, a daemon that sends to it, and who hears it, drills and commands.
AT_A_BROKER = """
"$1" -c "$2/broker.conf" 2>/dev/null & broker=$!
"$0" -P -m edge run "$2/tower.toml" >/dev/null 2>&1 & daemon=$!
"$0" -P -m edge watch --name one --folder "$2/one" >/dev/null 2>&1 & one=$!
"$0" -P -m receive watch --name two --folder "$2/two" >/dev/null 2>&1 & two=$!
until said=$("$0" -P -m edge drill tower-7 --as "$2/anna.key"); do kill -0 $daemon $broker || exit 9; done
drill=$(echo "$said" | sed 's/.*"drill":"\\([^"]*\\)".*/\\1/')
"$0" -P -m edge command tower-7 confirm "$drill" --as "$2/anna.key"; code=$?
until [ -e "$2/one/tower-7/$drill.2.json" ] && [ -e "$2/two/tower-7/$drill.2.json" ]; do sleep 0.1; done
kill -INT $one $two; wait $one $two; kill $daemon; wait $daemon; kill $broker; wait $broker
exit $code
"""


def test_onnx_runtime_alone_is_heard_and_leaves_files(watch, configured):
    found = watch(sys.executable, "-c", UNMUTED)
    assert found.seen.names
    assert any(call.startswith("tcp ") for call in found.seen.calls)
    assert found.outside(configured)
    assert found.left


def test_calls_over_ipv6_and_files_in_places_of_everybody_are_seen_too(watch, tmp_path):
    program = (
        "import socket, sys; open(sys.argv[1], 'w').close()\n"
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('2001:db8:1::9', 9))"
    )
    found = watch(sys.executable, "-c", program, tmp_path / "elsewhere")
    assert found.seen.calls == ["udp [2001:db8:1::9]:9"]
    assert found.outside() == [str(tmp_path / "elsewhere")]
    assert found.left == []


def test_the_daemon(watch, configured):
    tower = configured / "tower.toml"
    tower.write_text(TOWER)
    found = watch(*started("firetower run"), tower, lives_s=LIVES_S)
    found.check(configured)
    assert json.loads(found.seen.said.splitlines()[-1])["cameras"]["north"]["scored"]


def test_the_daemon_without_a_file(watch, configured):
    found = watch(*started("firetower run"))
    found.check(configured)
    assert json.loads(found.seen.said.splitlines()[-1])["events"]["closed"]


def test_the_health_check_of_the_image(watch, configured):
    tower = configured / "tower.toml"
    tower.write_text('[cameras.north]\nuri = "scene:"\nloop = true\n')
    asked = [*started("python -m deploy.health"), tower]
    found = watch("sh", "-c", WATCHED, sys.executable, tower, *asked)
    found.check(configured)
    assert "reasons" in json.loads(found.seen.said.splitlines()[-1])


def test_who_hears_a_tower_drills_and_commands(watch, configured):
    mosquitto = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert mosquitto, "needs mosquitto: apt-get install mosquitto"
    (configured / "broker.conf").write_text(BROKER)
    (configured / "tower.toml").write_text(SENDING)
    key = str(configured / "anna.key")
    subprocess.run([*started("firetower command"), "--make-key", key, "anna", "operator"], check=True)
    asked = {"FIRETOWER_BROKER": f"mqtt://127.0.0.1:{PORT}"}
    found = watch("sh", "-c", AT_A_BROKER, sys.executable, mosquitto, configured, **asked)
    found.check(configured)
    assert json.loads(found.seen.said.splitlines()[-1])["word"] == "done"


@pytest.mark.parametrize("name", DEVICE)
def test_a_command(watch, configured, name):
    watch(*started(name), *DEVICE[name](configured)).check(configured)


def test_simulated_cameras(watch, configured):
    found = watch(*started("firetower sim serve"), "scene:plume", lives_s=LIVES_S)
    found.check(configured)
    assert json.loads(found.seen.said)["cameras"]


@pytest.fixture
def deploy(watch, configured, wheels):  # noqa: F811
    """Return what deploys to a board in the same network, and what checks that it wrote nowhere else."""

    def run(*more, **options):
        tower, board = configured / "tower.toml", write_board(configured)
        temporary = board.trial / "tmp"  # the board's own, which is a folder of its user here
        temporary.mkdir()
        settings = Path(board.server[-1])
        settings.write_text(settings.read_text().replace("SetEnv ", f"SetEnv TMPDIR={temporary} "))
        tower.write_text('[cameras.north]\nuri = "scene:"\nloop = true\n[store]\npath = "events.sqlite"\n')
        words = [board.destination, tower, "--ssh-config", board.ssh_config, "--prefix", board.root, *more]
        # ssh's socket is in TMPDIR, and its path is bounded
        with tempfile.TemporaryDirectory(prefix="firetower-") as short:
            options |= {"TMPDIR": short, "SERVICE": str(board.trial / "pid")}
            command = [*started("firetower deploy"), *words]
            found = watch("sh", "-c", BESIDE, *board.server, *command, **options)
            assert [*Path(short).iterdir(), *temporary.iterdir()] == []
        # not HOME: the board's, whose login shell is at home there
        login = Path(pwd.getpwuid(os.getuid()).pw_dir)
        # what its wheels take from here: its Python compiles it, and says so of either name of a folder
        lent = [Path(sysconfig.get_path("purelib")), *wheels.parent.glob("lent*")]
        assert found.outside(configured, Path(short), login, *lent) == []
        assert found.left == []
        return found

    return run


def test_a_deployment(deploy, wheels):  # noqa: F811
    found = deploy("--wheels", wheels, "--settle-s", "0")
    assert (found.seen.code, found.seen.names, found.seen.calls) == (0, [], []), found.seen.told
    assert json.loads(found.seen.said.splitlines()[-1])["changed"]


def test_a_deployment_without_wheels_asks_the_package_index_alone(deploy, configured, wheels):  # noqa: F811
    own = next(wheels.glob("firetower-*.whl"))
    asked = {"PIP_INDEX_URL": f"https://{INDEX}/simple", "PIP_RETRIES": "0"}
    found = deploy("--wheel", own, talks=True, XDG_CACHE_HOME=str(configured / "cache"), **asked)
    assert found.seen.code == 1
    assert "No matching distribution" in found.seen.told
    assert set(found.seen.names) == {INDEX}
    assert set(found.seen.calls) == {f"tcp {ROUTER}:443"}
