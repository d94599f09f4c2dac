"""What a webhook's receiver says by its status and its fields: whether it took a message, and when to come again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from edge.uplink.transport import Word

RETRY_MAX_S = 3600.0  # whatever it asks for: an alarm waits no longer

_ADVICE = {
    410: ": it wants nothing any more; nothing is sent to it until firetower starts anew",
    401: "; see to `secret_file`",
    403: "; see to `secret_file`",
    404: "; see to `url`",
    405: "; see to `url`",
}
_OF_THE_LINK = (408, 425, 429)  # of no message: too slow, too early, too many
_GONE, _REFUSED = 410, (413, 415)  # of these two each message may be judged anew


def word_of(status: int, fields: Mapping[str, str]) -> Word:
    """Return what became of a message.

    Args:
        status: of the answer.
        fields: of its head; names in any case.
    """
    if 200 <= status < 300:
        return "delivered"
    if status == _GONE:
        return "gone"
    # RFC 9110, 15.5.14: with Retry-After its being too large passes
    return "refused" if status in _REFUSED and "Retry-After" not in fields else "failed"


def is_alone(status: int, fields: Mapping[str, str]) -> bool:
    """Say whether a failure is of this message, as far as anybody knows, so that others may go meanwhile.

    Args:
        status: of the answer.
        fields: of its head; names in any case.
    """
    return 400 <= status < 500 and status not in _OF_THE_LINK and "Retry-After" not in fields


def advice_of(status: int) -> str:
    """Return what people may do about a status, to stand behind it; empty where nothing is known."""
    if 300 <= status < 400:
        return ": no redirect is followed; give the address that it leads to in `url`"
    return _ADVICE.get(status, "")


def retry_s(fields: Mapping[str, str], now_s: float) -> float | None:
    """Return the seconds for which a receiver wants to be left alone, an hour at most; None where it does not say.

    Args:
        fields: of its answer; names in any case.
        now_s: seconds since 1970 by this machine, for an answer that does not say when it was written.

    Source: RFC 9110, 10.2.3: seconds, or a date.
    """
    said = fields.get("Retry-After", "").strip()
    if said.isascii() and said.isdecimal():
        return min(float(said), RETRY_MAX_S)
    until_s = unix_s(said)
    if until_s is None:
        return None
    written_s = unix_s(fields.get("Date", ""))
    return min(max(0.0, until_s - (now_s if written_s is None else written_s)), RETRY_MAX_S)


def unix_s(date: str) -> float | None:
    """Return a date of HTTP as seconds since 1970-01-01 UTC; None where it is none.

    Source: RFC 9110, 5.6.7, the two obsolete forms among them.
    """
    try:
        found = parsedate_to_datetime(date)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
