"""The steps as programs: quoted, whole, and told everything that they mention."""

import re
import shutil
import subprocess
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.script import Step

STEPS = sorted(
    entry.name.removesuffix(".sh")
    for entry in (resources.files("deploy") / "step").iterdir()
    if entry.name.endswith(".sh")
)
TOLD = {
    "opt", "etc", "var", "unit", "journald", "incoming", "login", "login_group",
    "user", "group", "owner", "service", "trial", "python", "python_minor", "release",
    "base", "venv", "config", "wheels", "files", "unit_sum", "journald_sum", "url",
    "token_file", "wait_s", "settle_s", "start", "remember",
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_each_is_posix_shell(name: str) -> None:
    text = Step(name, dict.fromkeys(TOLD, "x"), root=False).text()
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "--shell=sh", "-"], input=text, text=True, check=True)


@pytest.mark.parametrize("name", STEPS)
def test_each_mentions_only_what_it_is_told_or_sets_itself(name: str) -> None:
    body = Step(name, {}, root=False).body()
    mentioned = set(re.findall(r"\$\{?([a-z_]+)", body))
    own = set(re.findall(r"\b([a-z_]+)=", body)) | {
        word for row in re.findall(r"read -r ([a-z_ ]+)", body) for word in row.split()
    }
    own |= set(re.findall(r"\bfor ([a-z_]+) in", body))
    assert mentioned <= TOLD | own


@settings(max_examples=30)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_no_value_is_ever_a_command(value: str) -> None:
    text = Step("log", {"service": value}, root=False).text()
    quoted = text[text.index("service=") : text.index("main() {")]
    done = subprocess.run(["sh", "-c", f'{quoted}\nprintf "%s" "$service"'], capture_output=True, check=True)
    assert done.stdout == value.encode()


def test_what_is_shown_holds_no_private_value() -> None:
    step = Step(
        "compare",
        dict.fromkeys(TOLD, "x") | {"files": "abc 0600 a:b tower.toml"},
        root=False,
        private=("abc",),
    )
    assert "abc 0600" in step.text()
    assert "… 0600 a:b tower.toml" in step.shown()
    assert "abc" not in step.shown()
