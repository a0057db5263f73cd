"""What an `http` node may reach: the table of addresses, redirections, names that change their mind, what is let in."""

from ipaddress import ip_address

import pytest

from chassis.settings import BadSettings
from execution.nodes.action import NodeFailure
from execution.nodes.addresses import AddressRules, BadAddressRule
from execution.nodes.guarded_network import GuardedNetwork
from execution.nodes.registry import NodeActions
from tests.security.address_table import ALLOWED, DENIED, NO_ADDRESS, PUBLIC, SPELLINGS
from tests.security.calling import OK, Names, acting, failure, port_of
from tests.support.node_calls import failure_of, node_call
from tests.support.web_server import Reply, web_server


class TestTheTable:
    @pytest.mark.parametrize("address", DENIED)
    def test_of_addresses_that_nobody_on_the_internet_owns(self, address: str) -> None:
        assert not AddressRules().allow("example.com", ip_address(address), 443)

    @pytest.mark.parametrize("address", ALLOWED)
    def test_of_addresses_that_anybody_may_own(self, address: str) -> None:
        assert AddressRules().allow("example.com", ip_address(address), 443)

    @pytest.mark.parametrize("port", [22, 25, 53, 110, 4222, 5432, 6379, 11211, 27017])
    def test_of_ports_where_something_else_listens(self, port: int) -> None:
        assert not AddressRules().allow("example.com", ip_address(PUBLIC), port)
        assert AddressRules.of(f"example.com:{port}").allow("example.com", ip_address(PUBLIC), port)


class TestADeniedAddress:
    @pytest.mark.parametrize("spelled", SPELLINGS)
    async def test_is_denied_however_it_is_spelled(self, spelled: str) -> None:
        async with web_server(OK) as server:
            failed = await failure(f"http://{spelled}:{port_of(server)}/")
            assert server.asked == []
        if spelled in NO_ADDRESS:
            assert failed.code in ("address_denied", "bad_request", "http_unreachable")
        else:
            assert (failed.type, failed.code) == ("permanent", "address_denied")

    @pytest.mark.parametrize("address", DENIED)
    async def test_is_denied_to_a_name_too(self, address: str) -> None:
        with pytest.raises(NodeFailure) as failed:
            await GuardedNetwork(AddressRules(), Names([address])).connect_tcp("harmless.example", 443)
        assert (failed.value.type, failed.value.code) == ("permanent", "address_denied")

    async def test_is_named_by_its_host_and_by_nothing_that_was_found(self) -> None:
        failed = await failure("http://harmless.example/", names=Names(["10.9.8.7"]))
        assert "harmless.example" in failed.message
        assert "HEADRACE_HTTP_ALLOW" in failed.message
        assert "10.9" not in failed.message

    async def test_spoils_the_name_that_has_a_good_one_beside_it(self) -> None:
        failed = await failure("http://harmless.example/", names=Names([PUBLIC, "10.0.0.1"]))
        assert failed.code == "address_denied"

    @pytest.mark.parametrize(
        "url",
        ["http://user:secret@example.com/", "http://user@127.0.0.1/", "https://:secret@example.com"],
    )
    async def test_is_not_hidden_behind_a_user(self, url: str) -> None:
        failed = await failure(url, names=Names([PUBLIC]))
        assert (failed.code, "secret" in failed.message) == ("bad_request", False)

    @pytest.mark.parametrize(
        "url", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "//127.0.0.1/", "unix:///run/x"]
    )
    async def test_is_not_reached_by_another_scheme(self, url: str) -> None:
        assert (await failure(url)).code == "bad_request"

    @pytest.mark.parametrize("header", ["Host", "Transfer-Encoding", "Content-Length", "Connection", "Upgrade"])
    async def test_is_not_reached_by_a_header(self, header: str) -> None:
        failed = await failure("http://example.com/", headers={header: "intern.example"})
        assert (failed.type, failed.code) == ("permanent", "bad_request")

    async def test_is_not_reached_through_a_proxy_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with web_server(OK) as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            failed = await failure("http://harmless.example/", names=Names(["10.0.0.1"]))
            assert (failed.code, proxy.asked) == ("address_denied", [])


class TestANameThatChangesItsMind:
    async def test_is_asked_once_and_connected_to_where_it_led(self) -> None:
        async with web_server(OK) as server:
            names = Names(["127.0.0.1"], ["10.0.0.1"])
            async with acting("127.0.0.1", names) as action:
                url = f"http://rebinding.example:{port_of(server)}/"
                done = await action.run(node_call({"url": url}))
        assert done.output["status"] == 200
        assert names.asked == [("rebinding.example", port_of(server))]
        assert server.asked[0].headers["host"] == f"rebinding.example:{port_of(server)}"

    async def test_is_judged_again_with_each_connection(self) -> None:
        async with web_server(OK) as server:
            names = Names(["127.0.0.1"], ["127.0.0.2"])
            async with acting("127.0.0.1", names) as action:
                call = node_call({"url": f"http://rebinding.example:{port_of(server)}/"})
                await action.run(call)
                assert (await failure_of(action, call)).code == "address_denied"
        assert len(server.asked) == 1


class TestARedirection:
    async def test_is_followed_only_as_often_as_the_node_says(self) -> None:
        async with web_server(Reply(302, {"location": "/next"})) as server:
            failed = await failure(f"{server.url}/0", allow="127.0.0.1", follow_redirects=3)
        assert [asked.path for asked in server.asked] == ["/0", "/next", "/next", "/next"]
        assert (failed.type, failed.code) == ("permanent", "http_status")

    async def test_leads_to_no_denied_address(self) -> None:
        async with web_server(OK) as inner:
            target = f"http://127.0.0.1:{port_of(inner)}/admin"
            async with web_server(Reply(302, {"location": target})) as outer:
                allow = f"127.0.0.1:{port_of(outer)}"
                failed = await failure(outer.url, allow=allow, follow_redirects=5)
            assert (failed.code, inner.asked) == ("address_denied", [])

    @pytest.mark.parametrize(
        "location",
        ["file:///etc/passwd", "gopher://127.0.0.1/", "http://user:secret@127.0.0.1/"],
    )
    async def test_leads_to_nothing_but_web_addresses(self, location: str) -> None:
        async with web_server(Reply(302, {"location": location})) as server:
            failed = await failure(server.url, allow="127.0.0.1", follow_redirects=5)
        assert (failed.type, failed.code, "secret" in failed.message) == ("permanent", "bad_redirect", False)

    @pytest.mark.parametrize(
        ("status", "method", "sent"),
        [(301, "POST", "GET"), (302, "PUT", "GET"), (303, "POST", "GET"), (307, "POST", "POST"), (308, "PUT", "PUT")],
    )
    async def test_keeps_method_and_body_where_the_status_says_so(self, status: int, method: str, sent: str) -> None:
        async with web_server(Reply(status, {"location": "/next"}), OK) as server, acting("127.0.0.1") as action:
            await action.run(node_call({"url": server.url, "method": method, "body": {"a": 1}, "follow_redirects": 1}))
        assert (server.asked[1].method, server.asked[1].body) == (sent, b'{"a":1}' if sent == method else b"")

    async def test_takes_no_credentials_to_another_server(self) -> None:
        headers = {"Authorization": "Bearer s", "Cookie": "s", "X-Api-Key": "s", "Accept": "text/plain"}
        async with web_server(OK) as other:
            replies = (Reply(307, {"location": "/same"}), Reply(307, {"location": f"{other.url}/other"}))
            async with web_server(*replies) as first, acting("127.0.0.1") as action:
                await action.run(node_call({"url": first.url, "headers": headers, "follow_redirects": 2}))
        assert {name: first.asked[1].headers.get(name) for name in ("authorization", "x-api-key")} == {
            "authorization": "Bearer s",
            "x-api-key": "s",
        }
        told = other.asked[0].headers
        assert {"authorization", "cookie", "x-api-key"}.isdisjoint(told)
        assert (told["accept"], told["idempotency-key"]) == ("text/plain", "key-1")

    async def test_is_an_answer_like_others_where_the_node_waits_for_it(self) -> None:
        async with web_server(Reply(302, {"location": "/next"})) as server, acting("127.0.0.1") as action:
            config = {"url": server.url, "expect_status": 302, "follow_redirects": 3}
            assert (await action.run(node_call(config))).output["headers"]["location"] == "/next"


class TestWhatADeploymentAllows:
    @pytest.mark.parametrize(
        ("entry", "host", "address", "port", "allowed"),
        [
            ("crm.intern", "crm.intern", "10.0.0.1", 80, True),
            ("crm.intern", "CRM.intern.", "10.0.0.1", 5432, True),
            ("crm.intern", "other.intern", "10.0.0.1", 80, False),
            ("crm.intern", "evil-crm.intern", "10.0.0.1", 80, False),
            ("crm.intern", "crm.intern.evil.example", "10.0.0.1", 80, False),
            ("crm.intern", "crm.intern", "169.254.169.254", 80, False),
            ("crm.intern:8080", "crm.intern", "10.0.0.1", 8080, True),
            ("crm.intern:8080", "crm.intern", "10.0.0.1", 80, False),
            ("10.1.0.0/16", "any.example", "10.1.2.3", 80, True),
            ("10.1.0.0/16", "any.example", "10.2.2.3", 80, False),
            ("10.1.0.0/16", "any.example", "::ffff:10.1.2.3", 80, True),
            ("10.1.0.0/16:8080", "any.example", "10.1.2.3", 80, False),
            ("127.0.0.1:9000", "localhost", "127.0.0.1", 9000, True),
            ("[::1]:9000", "localhost", "::1", 9000, True),
            ("::1", "localhost", "::1", 9000, True),
            ("fd00::/8", "any.example", "fd12::1", 443, True),
            ("169.254.0.0/16", "any.example", "169.254.169.254", 80, False),
            ("0.0.0.0/0 ::/0", "any.example", "100.100.100.200", 80, False),
            ("169.254.169.254", "any.example", "169.254.169.254", 80, True),
        ],
    )
    def test_is_a_host_or_a_network_with_or_without_a_port(
        self, entry: str, host: str, address: str, port: int, allowed: bool
    ) -> None:
        assert AddressRules.of(entry).allow(host, ip_address(address), port) is allowed

    @pytest.mark.parametrize(
        "entry", ["http://crm.intern", "crm.intern:0", "crm.intern:99999", "10.0.0.0/99", "*", "a b/"]
    )
    def test_is_refused_at_the_start_when_it_is_neither(self, entry: str) -> None:
        with pytest.raises(BadAddressRule):
            AddressRules.of(entry)
        with pytest.raises(BadSettings, match="HEADRACE_HTTP_ALLOW cannot be used"):
            NodeActions.load(http_allow=entry)
