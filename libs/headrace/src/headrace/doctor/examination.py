"""One examination from top to bottom: what cannot be reached is said once, and what depends on it is left out."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace.doctor import configuration, databases, instances, keeping_up, orphans, processes, streams
from headrace.doctor.findings import Finding
from headrace.doctor.target import Target
from headrace.services import LEDGERS, MIGRATIONS

if TYPE_CHECKING:
    from chassis.bus import Bus

CONNECT_SECONDS = 3.0
Report = Callable[[str], None]


async def examine(target: Target, report: Report) -> list[Finding]:
    """Every finding about a deployment; `report` hears what is being looked at."""
    report("settings")
    findings = list(
        configuration.judge(
            configuration.configuration_of(target.environment, target.data_dir is not None, target.data_dir)
        )
    )
    if target.data_dir is not None:
        findings.append(databases.judge_disk(databases.disk_of(target.data_dir)))
    async with databases.connections(target.dsns) as (opened, troubles):
        report("databases")
        seen = await databases.gather(opened, troubles)
        findings += databases.judge(seen)
        fitting = {
            found.service: opened[found.service] for found in seen if not found.trouble and not found.schema_trouble
        }
        findings += await _bus(target, fitting, report)
        findings += await _rows(fitting, report)
    if target.url is not None:
        findings.append(processes.judge_gateway(_gateway(target.url)))
    return findings


async def _bus(target: Target, opened: dict[str, Any], report: Report) -> list[Finding]:
    """What can be seen of NATS, and through it."""
    report("NATS and the processes")
    connected = await _connect(target)
    if isinstance(connected, str):
        return list(streams.judge(streams.NatsFacts(trouble=connected)))
    try:
        found = await streams.gather(connected, LEDGERS)
        findings = list(streams.judge(found))
        answering = await processes.gather(connected, MIGRATIONS)
        findings += processes.judge(answering, MIGRATIONS)
        if found.jetstream:
            leaders = frozenset(process.service for process in answering if process.relays)
            findings += map(keeping_up.judge_relay, await keeping_up.gather_relays(connected, opened, leaders))
        return findings
    finally:
        await connected.close()


async def _rows(opened: dict[str, Any], report: Report) -> list[Finding]:
    """What the tables say."""
    report("projections and dead letters")
    findings = list(map(keeping_up.judge_projection, await keeping_up.gather_projections(opened)))
    findings += keeping_up.judge_letters(await keeping_up.gather_letters(opened))
    if "execution" in opened:
        report("instances")
        findings += instances.judge(await instances.gather(opened["execution"]))
        report("orphans")
        findings += orphans.judge(await orphans.gather(opened))
    return findings


async def _connect(target: Target) -> "Bus | str":
    """The bus, or why it cannot be had."""
    import asyncio

    from nats.aio.client import Client
    from nats.errors import Error

    from chassis.bus import Bus, connection_options

    nc = Client()
    options = connection_options("headrace doctor", target.nats_url)
    options |= {"allow_reconnect": False, "error_cb": _ignore}
    connecting = nc.connect(target.nats_url.split(","), **options)
    try:
        await asyncio.wait_for(connecting, CONNECT_SECONDS)
    except (TimeoutError, OSError, Error) as error:
        return f"{type(error).__name__} {error}".strip()
    return Bus(nc, target.namespace)


async def _ignore(_: Exception) -> None:
    """What is wrong is said by whoever asked."""


def _gateway(url: str) -> processes.GatewayFacts:
    from headrace.client import Headrace
    from headrace.errors import Unreachable

    try:
        with Headrace(url) as client:
            said = client.readiness()
    except Unreachable as error:
        return processes.GatewayFacts(url, ready=False, reason=str(error))
    return processes.GatewayFacts(url, ready=said.get("status") == "ready", reason=str(said.get("detail", "not ready")))
