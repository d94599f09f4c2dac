"""Signatures of webhooks: those of other people's libraries, and the files that secrets come from."""

import base64

import pytest

from edge.errors import SettingsError
from edge.uplink.signature import read_keys, signed


def write(folder, text, mode=0o600):
    path = folder / "webhook.secret"
    path.write_text(text)
    path.chmod(mode)
    return path


def secret(size, letter=b"k"):
    return "whsec_" + base64.b64encode(letter * size).decode()


def test_a_signature_is_that_of_the_reference_library(tmp_path):
    """Source: standard-webhooks, libraries/python/tests/test_webhooks.py (MIT), test_sign_function."""
    keys = read_keys(write(tmp_path, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), "secret_file")
    assert signed(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}') == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_sign_while_one_takes_the_others_place(tmp_path):
    old, new = secret(24, b"o"), secret(64, b"n")
    both = read_keys(write(tmp_path, f"{new}\n {old.rstrip('=')} \n\n"), "secret_file")
    assert both == (b"n" * 64, b"o" * 24)
    parts = [signed([key], "a.1", 7, b"\xff\0")["webhook-signature"] for key in both]
    assert signed(both, "a.1", 7, b"\xff\0")["webhook-signature"] == " ".join(parts)
    assert len(set(parts)) == 2


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (secret(32), 0o640, "has mode 0640, others may use it"),
        ("", 0o600, "must hold one to 2 secrets, one a line"),
        (f"{secret(32)}\n\n{secret(32)}", 0o600, "must hold one to 2 secrets"),
        (f"{secret(32)}\n" * 3, 0o600, "must hold one to 2 secrets"),
        (secret(23), 0o600, "base64 of 24 to 64 random bytes"),
        (secret(65), 0o600, "base64 of 24 to 64 random bytes"),
        (secret(32).removeprefix("whsec_"), 0o600, "'whsec_' and base64"),
        (secret(32).replace("whsec_", "whsk_"), 0o600, "'whsec_' and base64"),
        (secret(32).replace("a", "!"), 0o600, "'whsec_' and base64"),
        (secret(32).replace("a", "ä"), 0o600, "'whsec_' and base64"),
        (f"{secret(32)}\nhunter2", 0o600, "'whsec_' and base64"),
    ],
)
def test_an_unfit_file_is_told_and_its_secret_is_not(tmp_path, text, mode, words):
    with pytest.raises(SettingsError, match=r"^secret_file: ") as caught:
        read_keys(write(tmp_path, text, mode), "secret_file")
    assert words in str(caught.value)
    told = str(caught.value).replace("whsec_'", "").replace(str(tmp_path), "")
    assert not any(line.removeprefix("whsec_")[:8] in told for line in text.split())
