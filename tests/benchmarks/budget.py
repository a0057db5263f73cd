"""What one durable step costs, process by process: processor time per run and per step under load and alone.

docs/performance.md quotes it. `--spy NAME` also writes a profile of a process (execution, gateway, …) as collapsed
stacks, with py-spy where that is installed.
"""

import argparse
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

import psutil

from tests.benchmarks.contender import STEPS, Load
from tests.benchmarks.ours import Headrace

OUTSIDE = "/tmp"  # noqa: S108 - the path of a unix socket must be short
SAMPLES_PER_SECOND = 250


def main() -> None:
    """Run and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in-flight", type=int, default=128, help="runs at all times (default: 128)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to count (default: 10)")
    parser.add_argument("--spy", metavar="NAME", help="profile this process into NAME.stacks")
    arguments = parser.parse_args()
    folder = Path(mkdtemp(prefix="hb-", dir=OUTSIDE))
    ours = Headrace()
    ours.start(folder / "data")
    try:
        budget(ours, Load(arguments.in_flight, arguments.seconds, 0.0), arguments.spy)
    finally:
        ours.stop()
        shutil.rmtree(folder, ignore_errors=True)


def budget(ours: Headrace, load: Load, spied: str | None) -> None:
    """Print a line for each process, and their sum."""
    assert ours.stack is not None
    ours.run(Load(load.in_flight, 2.0, 1.0))
    processes = ours.stack.processes()
    spy = watched(processes[spied], spied, load.seconds) if spied else None
    before = {name: spent(process) for name, process in processes.items()}
    outcome = ours.run(load)
    per_run = {name: (spent(process) - before[name]) / outcome.runs * 1e6 for name, process in processes.items()}
    per_run["client"] = outcome.client_cpu_seconds / outcome.runs * 1e6
    print(
        f"{load.in_flight} in flight: {outcome.steps_per_second:,.0f} steps/s, "
        f"p50 {outcome.latency_ms(0.5):.1f} ms, p99 {outcome.latency_ms(0.99):.1f} ms"
    )
    for name, microseconds in sorted(per_run.items(), key=lambda line: -line[1]):
        print(f"{name:10} {microseconds:8,.0f} µs a run {microseconds / STEPS:8,.0f} µs a step")
    print(f"{'all':10} {sum(per_run.values()):8,.0f} µs a run {sum(per_run.values()) / STEPS:8,.0f} µs a step")
    if spy is not None:
        spy.wait()


def spent(process: psutil.Process) -> float:
    """Seconds of processor time of a process and its children, the ended ones included."""
    with process.oneshot():
        own = sum(process.cpu_times()[:4])
    return own + sum(sum(child.cpu_times()[:2]) for child in process.children())


def watched(process: psutil.Process, name: str, seconds: float) -> "subprocess.Popen[bytes]":
    """A profile of the process, on its way into a file."""
    tool = shutil.which("py-spy")
    if tool is None:
        raise SystemExit("py-spy is not on the PATH: pip install py-spy, then run this again")
    target = ["-p", str(process.pid), "-d", str(int(seconds)), "-r", str(SAMPLES_PER_SECOND)]
    return subprocess.Popen([tool, "record", *target, "-f", "raw", "-o", f"{name}.stacks"], stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
