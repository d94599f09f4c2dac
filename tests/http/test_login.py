"""Logins: the published examples, servers that check them as the standard says, and what they are told apart by."""

import base64
import hashlib
import re

import pytest

from edge.clock import SystemClock
from edge.errors import HttpError
from edge.http.client import Client
from edge.http.login import Answers, Login
from tests.http.server import Server, look_up, reply

LOGIN = Login("lookout", "hunter2")
HASHES = {"MD5": "md5", "SHA-256": "sha256"}


def values(header: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|[^,]+)', header)}


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ],
)
def test_the_example_of_the_standard(algorithm, response):
    """RFC 7616, section 3.9.1."""
    answers = Answers(Login("Mufasa", "Circle of Life"))
    challenge = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},'
        ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    answers.meet([challenge], answered=False)
    answers._cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    said = values(answers.header("GET", "/dir/index.html"))
    assert said["response"] == response
    assert (said["algorithm"], said["nc"], said["qop"]) == (algorithm, "00000001", "auth")


def test_the_example_of_basic():
    """RFC 7617, section 2.1: the name is in UTF-8."""
    answers = Answers(Login("test", "123£"))
    answers.meet(['Basic realm="foo", charset="UTF-8"'], answered=False)
    assert answers.header("GET", "/") == "Basic dGVzdDoxMjPCow=="


class Guard:
    """Checks what a client says by the standard, and counts."""

    def __init__(self, *challenges: str, login: Login = LOGIN, uses: int = 10**6) -> None:
        self.challenges = challenges
        self.login = login
        self.refused = 0
        self._uses = uses
        self._serial = 0
        self._counts: set[tuple[str, str]] = set()

    def __call__(self, request) -> list[bytes]:
        said = request.fields.get("authorization", "")
        if self._fits(request, said):
            return [reply(b"picture")]
        self.refused += 1
        self._serial += 1
        lines = "\r\nWWW-Authenticate: ".join(self.challenges).replace("NONCE", f"n{self._serial}")
        return [reply(status="401 Unauthorized", WWW_Authenticate=lines)]

    def _fits(self, request, said: str) -> bool:
        if said.startswith("Basic "):
            return base64.b64decode(said[6:]).decode() == f"{self.login.user}:{self.login.password}"
        if not said.startswith("Digest "):
            return False
        field = values(said)
        if field["nonce"] != f"n{self._serial}" or field["uri"] != request.target:
            return False
        if f'realm="{field["realm"]}"' not in "".join(self.challenges):
            return False
        if "nc" in field:
            if (field["nonce"], field["nc"]) in self._counts or int(field["nc"], 16) > self._uses:
                return False
            self._counts.add((field["nonce"], field["nc"]))
        algorithm = field.get("algorithm", "MD5")

        def digest(*parts: str) -> str:
            name = HASHES[algorithm.upper().removesuffix("-SESS")]
            return hashlib.new(name, ":".join(parts).encode()).hexdigest()

        secret = digest(self.login.user, field["realm"], self.login.password)
        if algorithm.lower().endswith("-sess"):
            secret = digest(secret, field["nonce"], field["cnonce"])
        extra = (field["nc"], field["cnonce"], field["qop"]) if "qop" in field else ()
        return field["response"] == digest(
            secret, field["nonce"], *extra, digest(request.method, field["uri"])
        )


def ask(guard: Guard, login: Login | None = LOGIN, times: int = 1, path: str = "/pic?a=1,2") -> list[int]:
    """What so many requests of one client get; and, as the last one, how many the server was sent."""
    with Server(guard) as server:
        client = Client(f"{server.url}{path}", SystemClock(), limit_s=300, look_up=look_up, login=login)
        found = []
        for _ in range(times):
            answer = client.request()
            found.append(answer.status)
            answer.close()
        return [*found, len(server.requests)]


WAYS = {
    "basic": ('Basic realm="camera"',),
    "no qop": ('Digest realm="camera", nonce="NONCE"',),
    "md5": ('Digest realm="camera", qop="auth", nonce="NONCE", algorithm=MD5, opaque="x"',),
    "md5-sess": ('Digest realm="c, a", qop="auth-int,auth", nonce="NONCE", algorithm="MD5-sess"',),
    "sha-256": ('Digest realm="camera",qop=auth,nonce="NONCE",algorithm=SHA-256',),
    "sha-256-sess": ('DIGEST realm="camera", qop="auth", nonce="NONCE", algorithm=sha-256-sess',),
    "several fields": ('Basic realm="b"', 'Digest realm="a", qop="auth", nonce="NONCE", algorithm=SHA-256'),
    "several in one": (
        'Negotiate, Basic realm="a, b", Digest realm="c", nonce="NONCE", qop="auth", NTLM TlRMTVNT==',
    ),
    "a realm in UTF-8": ('Digest realm="Caméra", qop="auth", nonce="NONCE", algorithm=SHA-256',),
    "one unknown": ('Digest realm="a", nonce="x", algorithm=SHA-512-256', 'Digest realm="a", nonce="NONCE"'),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_server_is_answered_once_and_then_without_being_asked(way):
    assert ask(Guard(*WAYS[way]), times=3) == [200, 200, 200, 4]


def test_the_strongest_way_is_taken():
    guard = Guard('Basic realm="b"', *WAYS["md5"], *WAYS["sha-256"])
    with Server(guard) as server:
        Client(server.url, SystemClock(), limit_s=300, look_up=look_up, login=LOGIN).request().close()
        assert "SHA-256" in server.requests[-1].fields["authorization"]


@pytest.mark.parametrize("stale", ["", ", stale=true"])
def test_a_nonce_that_is_used_up_is_changed(stale):
    guard = Guard(f'Digest realm="camera", qop="auth", nonce="NONCE"{stale}', uses=2)
    assert ask(guard, times=5) == [200] * 5 + [8]


def test_a_redirect_to_another_realm_is_another_login():
    first, second = Guard('Digest realm="a", nonce="NONCE"'), Guard('Digest realm="b", nonce="NONCE"')

    def answer(request):
        if request.target != "/pic?a=1,2":
            return second(request)
        (said,) = first(request)
        return [reply(status="302 Found", Location="/new") if b"200 OK" in said else said]

    assert ask(answer, times=2) == [200, 200, 8]


def test_names_and_passwords_of_any_kind():
    login = Login('look"out\\', 'pass"wörd: ☂')
    guard = Guard('Basic realm="x"', login=login)
    assert ask(guard, login) == [200, 2]
    escaped = Guard('Digest realm="x", nonce="NONCE", qop="auth"', login=Login("wärter", "☂"))
    assert ask(escaped, Login("wärter", "☂")) == [200, 2]


def test_nothing_is_said_to_a_server_that_does_not_ask():
    with Server(lambda request: [reply(b"x")]) as server:
        Client(server.url, SystemClock(), limit_s=300, look_up=look_up, login=LOGIN).request().close()
        assert "authorization" not in server.requests[0].fields


@pytest.mark.parametrize("way", ["basic", "md5", "sha-256-sess"])
def test_a_wrong_password_is_told_from_a_login_that_is_not_known(way):
    with pytest.raises(
        HttpError, match=r"it refuses the login \(401, .*check `user` and `password_file`"
    ) as caught:
        ask(Guard(*WAYS[way]), Login("lookout", "wr0ng"))
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize(
    ("challenge", "named"),
    [
        ('Digest realm="a", nonce="b", algorithm=SHA-512-256, qop="auth"', "Digest with SHA-512-256"),
        ('Digest realm="a", nonce="b", qop="auth-int"', "Digest for auth-int"),
        ("Negotiate", "Negotiate"),
        ('Bearer realm="a"', "Bearer"),
    ],
)
def test_a_login_that_is_not_known_is_named(challenge, named):
    guard = Guard(challenge)
    with pytest.raises(HttpError, match=rf"not known here \(401, {named}\)"):
        ask(guard)
    assert guard.refused == 1


def test_no_login_where_one_is_needed():
    with pytest.raises(HttpError, match=r"asks for a login \(401, Basic\); set `user` and `password_file`"):
        ask(Guard(*WAYS["basic"]), None)
