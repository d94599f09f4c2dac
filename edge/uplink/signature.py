"""How a webhook is signed: Standard Webhooks 1.0.0, symmetric.

The receiver knows by the signature who sent the id, the moment and the body.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from pathlib import Path

from edge.errors import SettingsError
from edge.secret import read_secrets

_PREFIX = "whsec_"
_BYTES_MIN, _BYTES_MAX = 24, 64
_SECRETS_MAX = 2  # the new one and the one before, while they change


def read_keys(path: Path, key: str) -> tuple[bytes, ...]:
    """Return the secrets of a receiver: one, or two while the receiver changes from one to the other.

    Args:
        path: a file that none but its owner may read, a secret a line: `whsec_` and base64 of 24 to 64 bytes.
        key: of the configuration, for messages.

    Raises:
        SettingsError: the file, or what it holds, is unfit; never holds a secret.
    """
    return tuple(_decoded(line, path, key) for line in read_secrets(path, key, _SECRETS_MAX))


def _decoded(secret: str, path: Path, key: str) -> bytes:
    text = secret.removeprefix(_PREFIX).rstrip("=")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:  # binascii.Error is one
        data = b""
    if not secret.startswith(_PREFIX) or not _BYTES_MIN <= len(data) <= _BYTES_MAX:
        raise SettingsError(
            f"{key}: {path} must hold secrets of Standard Webhooks: '{_PREFIX}' and base64 of {_BYTES_MIN} to"
            f" {_BYTES_MAX} random bytes; `openssl rand -base64 32` makes the base64 of one"
        )
    return data


def signed(keys: Sequence[bytes], id_: str, unix_s: int, body: bytes) -> dict[str, str]:
    """Return the three fields that tell a receiver whom a message is from.

    Args:
        keys: each signs.
        id_: of the message, the same whenever it is sent.
        unix_s: of this attempt, seconds since 1970-01-01 UTC.
        body: as it goes out.
    """
    content = f"{id_}.{unix_s}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(unix_s),
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }
