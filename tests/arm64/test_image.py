"""The image as far as reading its files tells, and the check's own parts; `python -m arm64 image` runs it."""

import fnmatch
import json
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from arm64 import archive, clip, container, debian, image, mirror, sighting
from edge.alert.database import Database
from edge.alert.event import Stamp
from edge.alert.store import Store
from tests.arm64.event import an_event

PROJECT = Path(__file__).parents[2]
DOCKERFILE = (PROJECT / "Dockerfile.arm64").read_text()
COMPOSE = (PROJECT / "deploy/compose.yaml").read_text()
FINAL = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]


def instruction(name: str) -> str:
    (found,) = re.findall(rf"^{name} (.+)$", FINAL, re.MULTILINE)
    return found


def test_the_image_is_nobody_elses_than_an_unprivileged_users():
    uid, gid = instruction("USER").split(":")
    assert int(uid) == int(gid) == container.USER != 0
    assert f'user: "{uid}:{gid}"' in COMPOSE
    assert f"--uid {uid} --gid {gid}" in FINAL


def test_the_image_asks_the_daemon_how_it_does():
    assert json.loads(instruction("HEALTHCHECK").partition("CMD ")[2]) == ["python3", "-m", "deploy.health"]


def test_a_container_here_is_confined_as_the_compose_file_says():
    options = " ".join(container._confinement(512))
    assert f"--tmpfs {re.search(r'^    tmpfs: ..(.+)..$', COMPOSE, re.MULTILINE)[1]} " in options
    for key, option in (
        (r"pids_limit: (.+)", "--pids-limit {}"),
        (r"cap_drop: \[(.+)\]", "--cap-drop {}"),
        (r"security_opt: \[\"(.+)\"\]", "--security-opt {}"),
        (r"read_only: (true)", "--read-only"),
    ):
        assert option.format(re.search(rf"^    {key}$", COMPOSE, re.MULTILINE)[1]) in options


def test_the_build_fails_where_torch_or_a_compiler_is_left(tmp_path):
    checked = FINAL[FINAL.rindex("COPY ") :]
    assert "find_spec('torch')" in checked
    (compilers,) = re.findall(r"&& (for compiler in .* done)", checked)
    assert (
        subprocess.run(["/bin/sh", "-c", compilers], env={"PATH": str(tmp_path)}, check=False).returncode == 0
    )
    (tmp_path / "g++").symlink_to("/bin/true")
    assert (
        subprocess.run(["/bin/sh", "-c", compilers], env={"PATH": str(tmp_path)}, check=False).returncode == 1
    )
    for package in ("python3-pip", "binutils"):
        assert package in DOCKERFILE
        assert package not in FINAL
    assert FINAL.startswith("\nFROM python\n")


def test_everything_is_installed_by_digest_but_firetowers_own_wheel():
    installs = re.findall(r"pip --python \S+ install (.*?)\s*(?:&&|\n)", DOCKERFILE.replace("\\\n", ""))
    assert len(installs) == 3
    for words in installs:
        assert "--require-hashes -r" in words or words.endswith("--root /install /wheels/firetower-*.whl")
    assert "--no-build-isolation" in DOCKERFILE  # else pip fetches what builds it, unseen


def test_the_image_begins_with_what_the_check_can_make():
    begins = set(re.findall(r"^FROM (\S+:\S+)", DOCKERFILE, re.MULTILINE))
    assert begins == {debian.NAME}
    assert f"docker.io/library/{debian.NAME}" in FINAL


def test_the_label_says_the_projects_version():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert f'org.opencontainers.image.version="{project["version"]}"' in FINAL


def test_nothing_of_this_machine_is_in_the_dockerfile():
    assert "proxy" not in DOCKERFILE.lower()
    for added in debian.ADDED:
        assert Path(added).name not in DOCKERFILE


def sent(path: str) -> bool:
    """Whether a file is sent to the builder, by the rules of .dockerignore, of which the last one that fits counts."""
    verdict = True
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        rule = line.removeprefix("!")
        parents = [path, *map(str, Path(path).parents)][:-1]
        if rule.startswith("**/"):
            fits = any(fnmatch.fnmatch(Path(one).name, rule[3:]) for one in parents)
        else:
            fits = any(fnmatch.fnmatch(one, rule) and one.count("/") == rule.count("/") for one in parents)
        if fits:
            verdict = line.startswith("!")
    return verdict


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        ".work/arm64/clip.mp4",
        "deploy/tower.toml",
        "deploy/web.token",
        "deploy/north.password",
        "tests/conftest.py",
        "edge/__pycache__/cli.cpython-311.pyc",
        "secret.key",
    ],
)
def test_secrets_and_working_folders_are_not_sent_to_the_builder(path):
    assert not sent(path)


@pytest.mark.parametrize("path", ["deploy/tower.toml", "deploy/web.token", "deploy/north.password"])
def test_secrets_beside_the_compose_file_are_neither_in_git_nor_in_a_wheel(path):
    rules = (PROJECT / ".gitignore").read_text().splitlines()  # hatchling goes by it, too
    assert any(fnmatch.fnmatch(f"/{path}", rule) for rule in rules)


def test_all_that_the_wheel_holds_is_sent_to_the_builder():
    packages = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    folders = packages["targets"]["wheel"]["packages"]
    locks = [*packages["targets"]["wheel"]["extra-metadata"], "requirements/build.txt"]
    listed = subprocess.run(
        ["git", "ls-files", *folders, *locks, "LICENSE", "README.md", "pyproject.toml"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    missing = [path for path in listed if not sent(path) and path != "deploy/compose.yaml"]
    assert len(listed) > 100
    assert missing == []


def test_an_image_archive_says_arm64(tmp_path):
    (tmp_path / "file").write_text("content")
    with tarfile.open(tmp_path / "root.tar", "w") as root:
        root.add(tmp_path / "file", "etc/file")
    archive.write(tmp_path / "root.tar", "debian:test", tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as packed:
        (manifest,) = json.load(packed.extractfile("manifest.json"))
        config = json.load(packed.extractfile(manifest["Config"]))
        (layer,) = manifest["Layers"]
        assert packed.extractfile(layer).read() == (tmp_path / "root.tar").read_bytes()
    assert manifest["RepoTags"] == ["debian:test"]
    assert (config["os"], config["architecture"], config["variant"]) == ("linux", "arm64", "v8")
    assert config["rootfs"]["diff_ids"] == [f"sha256:{layer.partition('/')[0]}"]


def test_layers_are_told_apart():
    lines = [
        {"CreatedBy": "CMD [...]", "Size": "0"},
        {"CreatedBy": "COPY /install / # buildkit", "Size": "3000000"},
        {
            "CreatedBy": "RUN /bin/sh -c apt-get update && apt-get install -y python3 # buildkit",
            "Size": "31000000",
        },
        {"CreatedBy": "mmdebstrap", "Size": "90000000"},
    ]
    sizes = image.read_layers("\n".join(map(json.dumps, lines)))
    assert sizes == {"debian": 90_000_000, "python": 31_000_000}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("opt/firetower/lib/python3.11/site-packages/numpy.libs/libopenblas.so", "numpy"),
        ("opt/firetower/lib/python3.11/site-packages/cv2/cv2.abi3.so", "opencv-python-headless"),
        ("opt/firetower/lib/python3.11/site-packages/edge/cli.py", "firetower"),
        ("opt/firetower/lib/python3.11/site-packages/firetower-0.1.0.dist-info/RECORD", "firetower"),
        ("opt/firetower/bin/firetower", "firetower"),
        ("opt/firetower/lib/python3.11/site-packages/uvicorn/main.py", "other wheels"),
    ],
)
def test_a_file_belongs_to_a_part(name, expected):
    assert image.part(name) == expected


def test_mirrors_of_an_unknown_suite_are_not_invented():
    with pytest.raises(RuntimeError, match="no mirror of nosuchsuite"):
        mirror.sources("nosuchsuite")


def test_the_clip_is_a_recording_of_which_a_picture_a_minute_is_scored(tmp_path):
    clip.write(tmp_path / "clip.mp4", "scene:plume?frames=3")
    seen, peak_rss_bytes = image.native(tmp_path / "clip.mp4")
    assert seen == []
    assert peak_rss_bytes > 50e6


def a_sighting(box_px=(0, 0, 64, 64), pixel=100, event_id="a"):
    event = an_event(
        id=event_id,
        revision=2,
        phase="closed",
        closed=Stamp(model_s=60.0),
        box_px=box_px,
        opening_box_px=box_px,
    )
    return sighting.Sighting(event, np.full((8, 8, 3), pixel, np.uint8))


def test_events_are_the_same_though_a_grey_level_differs():
    seen = sighting.compare([a_sighting()], [a_sighting(pixel=102, event_id="b")])
    assert seen["same_events"]
    assert (seen["same_pixels"], seen["picture_difference_max"]) == (0, 2)


def test_another_box_or_one_event_more_is_not_the_same():
    one = a_sighting()
    assert sighting.compare([one], [one])["same_pixels"] == 1
    assert not sighting.compare([one], [a_sighting(box_px=(0, 0, 64, 80))])["same_events"]
    assert not sighting.compare([one], [one, one])["same_events"]
    nothing = sighting.compare([one], [])
    assert not nothing["same_events"]
    assert nothing["picture_difference_max"] is None


def test_what_a_store_holds_is_read_back(tmp_path):
    one = a_sighting()
    jpeg = cv2.imencode(".jpg", one.picture)[1].tobytes()
    with Database(tmp_path / "events.sqlite") as database:
        store = Store(database)
        store.commit(msgspec.structs.replace(one.event, revision=1, phase="opened", closed=None), jpeg)
        store.commit(one.event)
    assert sighting.compare([one], sighting.read(tmp_path / "events.sqlite"))["same_events"]
    assert sighting.read(tmp_path / "none.sqlite") == []
