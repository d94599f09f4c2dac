"""Where the broker is, and who we are there, as the command line of a host says it."""

from __future__ import annotations

import argparse
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edge.errors import HttpError, SettingsError
from edge.http import trust
from edge.secret import read_secret

_PORTS = {"mqtts": 8883, "mqtt": 1883}
_ENVIRONMENT = "FIRETOWER_BROKER"


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is, and who we are there.

    Attributes:
        host, port: its address.
        tls: None: none.
        user, password: None: none.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Show it without the password."""
        return f"Broker({self.shown})"

    @property
    def shown(self) -> str:
        """Its address for people."""
        return f"{self.host}:{self.port}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the broker is."""
    group = parser.add_argument_group("broker")
    group.add_argument(
        "--broker",
        metavar="URL",
        default=os.environ.get(_ENVIRONMENT),
        help=f"mqtts://HOST[:PORT], or mqtt:// without TLS (default: the variable {_ENVIRONMENT})",
    )
    group.add_argument("--user", help="name at the broker")
    group.add_argument("--password-file", type=Path, metavar="FILE", help="holds the password; mode 0600")
    group.add_argument("--ca-file", type=Path, metavar="FILE", help="certificates to trust (PEM)")
    group.add_argument("--certificate-file", type=Path, metavar="FILE", help="our own (PEM)")
    group.add_argument(
        "--key-file", type=Path, metavar="FILE", help="key of our certificate (PEM); mode 0600"
    )


def broker_of(options: argparse.Namespace) -> Broker:
    """Read the options that `add_arguments` added.

    Raises:
        SettingsError: no broker, a wrong address, or a file that is unfit; never holds the password.
    """
    if not options.broker:
        raise SettingsError(f"--broker: where is it? Give mqtts://HOST, or set {_ENVIRONMENT}")
    scheme, host, port = _address(options.broker)
    if options.password_file is not None and options.user is None:
        raise SettingsError("--password-file: needs --user")
    password = (
        None if options.password_file is None else read_secret(options.password_file, "--password-file")
    )
    files = (options.ca_file, options.certificate_file, options.key_file)
    if scheme == "mqtt" and any(files):
        raise SettingsError("--broker: mqtt:// has no TLS, for which certificates are; give mqtts://")
    return Broker(host, port, _tls(*files) if scheme == "mqtts" else None, options.user, password)


def _address(url: str) -> tuple[str, str, int]:
    expected = "--broker: expected mqtts://HOST[:PORT] or mqtt://HOST[:PORT], and no user or password in it"
    try:
        parts = urlsplit(url)
        host, port = unquote(parts.hostname or ""), parts.port
    except ValueError:
        raise SettingsError(expected) from None
    extra = parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in _PORTS or not host or port == 0 or extra or not host.isprintable():
        raise SettingsError(expected)
    return parts.scheme, host, port or _PORTS[parts.scheme]


def _tls(ca_file: Path | None, certificate_file: Path | None, key_file: Path | None) -> ssl.SSLContext:
    try:
        context = trust.context(ca_file)
    except HttpError as error:
        raise SettingsError(f"--ca-file: {error}") from None
    if (certificate_file is None) != (key_file is None):
        raise SettingsError("--certificate-file: give it with --key-file, or neither")
    if certificate_file is not None:
        try:
            context.load_cert_chain(certificate_file, key_file, lambda: "")
        except OSError as error:
            why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            raise SettingsError(
                f"--certificate-file: no certificate and key in PEM without a password ({why})"
            ) from None
    return context
