"""Where a request comes from: the peer, or what the deployment's own proxies say, and nobody else."""

import pytest

from chassis.settings import BadSettings
from gateway.addresses import Proxies

PROXY, OTHER_PROXY, CLIENT, LIAR = "10.0.0.1", "10.9.9.9", "203.0.113.7", "198.51.100.1"


def client(*forwarded: str, peer: str | None = PROXY, trusted: str = "10.0.0.0/8, fd00::/8") -> str:
    """What is taken for the client's address."""
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"type": "http", "client": (peer, 50_000) if peer else None, "headers": headers}
    return Proxies.from_text(trusted).client_of(scope)


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        ([CLIENT], CLIENT),
        ([f"{LIAR}, {CLIENT}"], CLIENT),
        ([f"{LIAR}, {CLIENT}, {OTHER_PROXY}"], CLIENT),
        ([LIAR, f"{CLIENT},{OTHER_PROXY}"], CLIENT),
        ([f"{CLIENT}:4711"], CLIENT),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["2001:db8::7"], "2001:db8::7"),
        ([f"::ffff:{CLIENT}"], CLIENT),
        ([OTHER_PROXY], OTHER_PROXY),
        ([], PROXY),
        ([""], PROXY),
        (["unknown"], PROXY),
        ([f"{LIAR}, <script>, {OTHER_PROXY}"], OTHER_PROXY),
        ([", ".join([LIAR] * 1_000 + [CLIENT])], CLIENT),
    ],
)
def test_a_proxy_of_ours_is_believed_up_to_the_first_stranger(forwarded: list[str], found: str):
    assert client(*forwarded) == found


@pytest.mark.parametrize("peer", [CLIENT, "2001:db8::1"])
def test_whoever_is_none_of_ours_speaks_for_nobody(peer: str):
    assert client(LIAR, peer=peer) == peer


def test_without_proxies_nobody_is_believed():
    assert client(LIAR, peer="127.0.0.1", trusted="") == "127.0.0.1"


def test_a_peer_may_have_no_address():
    assert client(LIAR, peer=None) == "unknown"


@pytest.mark.parametrize("text", ["10.0.0.0/33", "proxy.example", "10.0.0.1/8"])
def test_what_is_no_network_is_refused_with_what_to_write(text: str):
    with pytest.raises(BadSettings, match=r"HEADRACE_TRUSTED_PROXIES=.*write networks such as"):
        Proxies.from_text(text)
