"""How fast one peer is on this machine: `python -m tests.benchmarks.peers NAME [--in-flight 1] [--seconds 5]`."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.contender import Contender, Load, Outcome
from tests.benchmarks.peers.all import PEERS
from tests.benchmarks.peers.environments import ROOT

CACHE = ROOT / ".cache/peers"


def report(peer: Contender, load: Load, outcome: Outcome) -> str:
    """One line of figures."""
    p50, p99 = outcome.latency_ms(0.5), outcome.latency_ms(0.99)
    cores = outcome.client_cpu_seconds / outcome.seconds
    return (
        f"{peer.name:10} {load.in_flight:4} in flight {outcome.steps_per_second:9,.0f} steps/s "
        f"p50 {p50:8.1f} ms   p99 {p99:8.1f} ms   {cores:5.2f} cores of the client"
    )


def main() -> None:
    """Install the peer if need be, start it, put each load on it in turn, and stop it."""
    names = {peer.name.lower(): peer for peer in PEERS}
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("name", choices=names, help="which peer to run, alone on this machine")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1], help="runs at all times; several: in turn")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long runs are counted")
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds before that, which do not count")
    parser.add_argument("--cache", type=Path, default=CACHE, help="the folder that keeps what is installed")
    chosen = parser.parse_args()
    peer = names[chosen.name]
    sys.stdout.write(f"{peer.name} {peer.prepare(chosen.cache)}\n")
    with tempfile.TemporaryDirectory(prefix="headrace-peer-") as folder:
        try:
            peer.start(Path(folder))
            for in_flight in chosen.in_flight:
                load = Load(in_flight, chosen.seconds, chosen.warm_up)
                sys.stdout.write(report(peer, load, peer.run(load)) + "\n")
        finally:
            peer.stop()


if __name__ == "__main__":
    main()
