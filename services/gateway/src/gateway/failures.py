"""How often somebody was turned away lately: whoever tries credentials without end is asked to wait."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from chassis import clock
from contracts.refusal import TooMany

FAILURES_PER_WINDOW = 60
WINDOW_SECONDS = 60.0
ADDRESSES_REMEMBERED = 10_000
"""Beyond these the ones that failed longest ago are forgotten."""
NETWORK_BITS = 64
"""Of an IPv6 address: a single customer has all addresses behind them."""


class Failures:
    """Counts what did not hold, by address. What holds is never counted, and never refused for others' failures."""

    def __init__(self) -> None:
        """Nobody has failed yet."""
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def refuse(self, address: str) -> None:
        """Raises `TooMany` when no further try is allowed from there yet."""
        began, count = self._window(network_of(address))
        if count >= FAILURES_PER_WINDOW:
            wait = began + WINDOW_SECONDS - clock.monotonic()
            raise TooMany(
                "too_many_failures",
                f"More than {FAILURES_PER_WINDOW} tokens or keys from your address did not hold within a minute; "
                "wait, and mend what sends them.",
                retry_after_seconds=wait,
            )

    def count(self, address: str) -> None:
        """One more that did not hold."""
        network = network_of(address)
        began, count = self._window(network)
        self._windows[network] = began, count + 1
        self._windows.move_to_end(network)
        if len(self._windows) > ADDRESSES_REMEMBERED:
            self._windows.popitem(last=False)

    def has_room(self, who: str) -> bool:
        """Counts one more of an address or a user, and whether it is still one of those that are looked at singly."""
        began_before = self._window(network_of(who))[1]
        self.count(who)
        return began_before < FAILURES_PER_WINDOW

    def _window(self, network: str) -> tuple[float, int]:
        now = clock.monotonic()
        began, count = self._windows.get(network, (now, 0))
        return (began, count) if now < began + WINDOW_SECONDS else (now, 0)


def network_of(address: str) -> str:
    """Whom an address belongs to, as far as it tells."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(IPv6Address(int(parsed) >> (128 - NETWORK_BITS) << (128 - NETWORK_BITS)))
