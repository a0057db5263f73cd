"""`headrace token`: claims that the gateway reads, signed with the data directory's key."""

import time
from dataclasses import asdict, fields

import jwt
import pytest

from chassis.sealing import key_from_text
from headrace.embedded.secrets import read_secrets, secrets_of
from headrace.errors import Complaint
from headrace.permissions import USERS
from headrace.tokens import seconds_in, sign, subject_of

KEY = "k" * 64


def claims(token: str, key: str = KEY) -> dict:
    return jwt.decode(token, key, algorithms=["HS256"])


def test_a_token_says_who_with_which_teams_and_roles_until_when():
    found = claims(sign(KEY, "ada", teams=["research"], roles=["admin"], ttl="15m"))

    assert (found["sub"], found["teams"], found["roles"]) == ("ada", ["research"], ["admin"])
    assert found["exp"] - found["iat"] == 900
    assert found["iat"] == pytest.approx(time.time(), abs=5)


def test_roles_are_left_out_when_there_are_none():
    assert "roles" not in claims(sign(KEY, "ada"))


def test_its_subject_is_readable_without_the_key():
    assert subject_of(sign(KEY, "ada")) == "ada"


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "a.bnVsbA.c"])
def test_what_is_no_token_has_no_subject(token):
    assert subject_of(token) is None


@pytest.mark.parametrize(("ttl", "seconds"), [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800)])
def test_durations(ttl, seconds):
    assert seconds_in(ttl) == seconds


@pytest.mark.parametrize("ttl", ["", "24", "0h", "-1h", "1w", "1.5h", "h"])
def test_a_duration_that_is_none_is_refused_with_examples(ttl):
    with pytest.raises(Complaint, match="such as 90s, 15m, 24h or 7d"):
        seconds_in(ttl)


def test_secrets_are_drawn_once_and_private(tmp_path):
    first = secrets_of(tmp_path)

    assert secrets_of(tmp_path) == read_secrets(tmp_path) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    of_the_bus = first.bus.values()
    others = [secret for name, secret in asdict(first).items() if name != "bus"]
    assert len({*of_the_bus, *others}) == len(USERS) + len(fields(first)) - 1
    assert len(key_from_text(first.sealing_key)) == 32


def test_a_secret_that_a_later_version_needs_is_drawn_when_it_is_missing(tmp_path):
    (tmp_path / "secrets.json").write_text('{"jwt": "kept", "forgotten": "x"}')

    found = secrets_of(tmp_path)

    assert found.jwt == "kept"
    assert secrets_of(tmp_path).sealing_key == found.sealing_key
    assert len(found.bus["gateway"]) > 32
