"""Durable steps a second and the latency of one run, beside every peer and the bare limit, in alternating rounds."""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.contender import STEPS
from tests.benchmarks.figures import Figure, judged
from tests.benchmarks.peers.all import PEERS
from tests.benchmarks.rounds import Plan, Results, alternate, ours_and_bare

IN_FLIGHT = 128
AT_MOST = {"Prefect": 8}
"""With more in flight no run of Prefect's ended within the window."""
PLAN = Plan(rounds=5, loaded_seconds=20.0, alone_seconds=8.0)
CACHE = Path(__file__).resolve().parents[3] / ".cache" / "peers"

PEERS_BAR, PEERS_GOAL = 6.0, 10.0
LIMIT_BAR, LIMIT_GOAL = 0.35, 0.60
LATENCY_GOAL = 0.5


def measure(folder: Path) -> Sequence[Figure]:
    """All contenders in turn; needs the registries the first time."""
    ours, bare = ours_and_bare()
    contenders = (ours, bare, *PEERS)
    in_flight = {contender.name: AT_MOST.get(contender.name, IN_FLIGHT) for contender in contenders}
    us, limit, *peers = alternate(contenders, PLAN, in_flight, CACHE)
    return [
        against_the_best_peer(us, peers),
        against_the_limit(us, limit),
        alone(us, peers),
        *(told(result) for result in (us, limit, *peers)),
    ]


def against_the_best_peer(us: Results, peers: Sequence[Results]) -> Figure:
    """Under load."""
    best = max(peers, key=lambda peer: peer.rate)
    ratio = us.rate / best.rate
    return Figure(
        f"durable steps/s, {STEPS}-step chain, {IN_FLIGHT} in flight, against the best peer ({best.name})",
        f"{ratio:.1f}× ({us.rate:,.0f} / {best.rate:,.0f} steps/s)",
        f"≥ {PEERS_BAR:g}×",
        f"≥ {PEERS_GOAL:g}×",
        judged(ratio, PEERS_BAR, PEERS_GOAL, more_is_better=True),
    )


def against_the_limit(us: Results, limit: Results) -> Figure:
    """Under load."""
    share = us.rate / limit.rate
    return Figure(
        "the same against the bare limit",
        f"{share:.0%} ({us.rate:,.0f} / {limit.rate:,.0f} steps/s)",
        f"≥ {LIMIT_BAR:.0%}",
        f"≥ {LIMIT_GOAL:.0%}",
        judged(share, LIMIT_BAR, LIMIT_GOAL, more_is_better=True),
    )


def alone(us: Results, peers: Sequence[Results]) -> Figure:
    """One run at a time."""
    best = min(peers, key=lambda peer: peer.alone_ms(0.5))
    ratio = us.alone_ms(0.5) / best.alone_ms(0.5)
    return Figure(
        f"one {STEPS}-step run at concurrency 1, synchronous: p50, against the quickest peer ({best.name})",
        f"{us.alone_ms(0.5):.1f} ms (p99 {us.alone_ms(0.99):.1f}) / {best.alone_ms(0.5):.1f} ms",
        "below every peer",
        "half of the best",
        judged(ratio, 1.0, LATENCY_GOAL),
    )


def told(result: Results) -> Figure:
    """What a contender did, for the reader."""
    rates = [outcome.steps_per_second for outcome in result.loaded]
    return Figure(
        f"{result.name} {result.version}, {result.in_flight} in flight",
        f"{result.rate:,.0f} steps/s ({min(rates):,.0f}–{max(rates):,.0f}), p50 {result.loaded_ms(0.5):,.0f} ms, "
        f"p99 {result.loaded_ms(0.99):,.0f} ms",
        note=f"alone: p50 {result.alone_ms(0.5):.1f} ms, p99 {result.alone_ms(0.99):.1f} ms; "
        f"asking process: {result.client_cores:.2f} cores under load",
    )
