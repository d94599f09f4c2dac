"""Which certificates TLS trusts: those of `ca_file`, else the system's. They are verified always."""

from __future__ import annotations

import ssl
from pathlib import Path

from edge.errors import HttpError

_SYSTEM = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def store(ca_file: Path | None) -> Path:
    """Return the file of the certificates to trust.

    Args:
        ca_file: the one that was configured.

    Raises:
        HttpError: it is not there, or the system has none.
    """
    known = (ssl.get_default_verify_paths().cafile, *_SYSTEM)
    file = ca_file or next((Path(one) for one in known if one and Path(one).is_file()), None)
    if file is None or not file.is_file():
        raise HttpError(f"no certificates to trust ({file or 'none in the system'}); set `ca_file`")
    return file


def context(ca_file: Path | None) -> ssl.SSLContext:
    """Return what a connection over TLS is made with.

    A certificate in `ca_file` is trusted for what it is, also one of a camera that signed itself. The strictest checks
    of OpenSSL, which Python 3.13 has on, are off: they are of formal fields, and few devices' certificates have them.

    Raises:
        HttpError: there are no certificates, or none can be read.
    """
    file = store(ca_file)
    try:
        made = ssl.create_default_context(cafile=str(file))
    except (ssl.SSLError, OSError):
        raise HttpError(f"`ca_file` {file} holds no certificate that can be read (PEM)") from None
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return made


def fault(error: ssl.SSLError) -> str:
    """Say why TLS failed, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        if "match" in why:
            return (
                f"its certificate is not for this host ({why}); use a name of the certificate in the address, or set"
                " `ca_file` to a certificate for this host that it then uses"
            )
        return f"its certificate is not trusted ({why}); set `ca_file` to its certificate, or the one that signed it"
    why = (error.reason or str(error.args[-1])).replace("_", " ").lower()
    return f"no TLS with it ({why}); is it `http://`, or another port? `ca_file` changes nothing here"
