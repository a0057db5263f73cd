"""The two servers of the stack, real ones, each behind proxies: PostgreSQL, and one NATS or a cluster of three."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from headrace.embedded.binaries import free_port, nats_binary
from headrace.embedded.postgres import SOCKET_PORT, Postgres
from headrace.embedded.secrets import Secrets
from headrace.permissions import password_variable, users_conf
from headrace.servers import POSTGRES_STOP_SECONDS, EmbeddedServers
from headrace.services import MIGRATIONS
from headrace.supervisor import Program, Supervised
from tests.chaos.proxy import Dial, Proxy, over_socket, over_tcp

NAMESPACE = "headrace"
NEMESIS = "nemesis"
USERS_FILE = "users.conf"
CLUSTER_NODES = 3
NODE_STOP_SECONDS = 3.0
NODE_START_SECONDS = 60.0
POLL_SECONDS = 0.05
SMALL_STORE_BYTES = 256 * 1024
"""What a full disk leaves of JetStream."""

NODE = """
server_name: "{name}"
listen: "127.0.0.1:{port}"
max_payload: 8MB
include "{users}"
jetstream {{ store_dir: "{store}"{limit} }}
{cluster}
"""
CLUSTER = """
cluster {{ name: chaos, listen: "127.0.0.1:{route}", routes: [{routes}] }}
"""


class Node:
    """One NATS server with a store of its own."""

    def __init__(self, folder: Path, name: str, secrets: Secrets, report: Callable[[str], None]) -> None:
        """Nothing runs before `process.start`."""
        self.name = name
        self.port = free_port()
        self.route = free_port()
        self.store = folder / name
        self.config = folder / f"{name}.conf"
        command = (str(nats_binary()), "-c", str(self.config))
        environment = {password_variable(user): password for user, password in secrets.bus.items()}
        program = Program(name, command, folder / "logs" / f"{name}.log", environment=environment)
        self.process = Supervised(program, report)
        self.proxy = Proxy(over_tcp(self.port))

    def configure(self, routes: Sequence[int], store_bytes: int | None = None) -> None:
        """Write its configuration; it is read when the process starts."""
        others = ", ".join(f'"nats://127.0.0.1:{route}"' for route in routes)
        cluster = CLUSTER.format(route=self.route, routes=others) if routes else ""
        limit = f", max_file_store: {store_bytes}" if store_bytes else ""
        place = {"name": self.name, "port": self.port, "store": self.store, "users": USERS_FILE}
        self.config.write_text(NODE.format(**place, limit=limit, cluster=cluster))


class ChaosServers:
    """What `headrace.stack.Stack` wants of its servers; services reach them through the proxies alone."""

    def __init__(self, folder: Path, secrets: Secrets, report: Callable[[str], None], nodes: int = 1) -> None:
        """`nodes` NATS servers: one, or a cluster."""
        self.postgres = Postgres.under(folder, secrets)
        self.secrets = secrets
        names = ["nats"] if nodes == 1 else [f"nats-{number}" for number in range(1, nodes + 1)]
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        self.nodes = [Node(folder, name, secrets, report) for name in names]
        self.folder = folder
        self.embedded = EmbeddedServers(folder, secrets, NAMESPACE, report)
        self.postgres_process = next(one for one in self.embedded.processes() if one.program.name == "postgres")
        # Both draw a port of their own where the folder's path is too long for a socket: it must be the same one.
        self.postgres_process.program = replace(self.postgres_process.program, command=tuple(self.postgres.command()))
        self.doors = {service: Proxy(self._dial_postgres()) for service in MIGRATIONS}

    def _dial_postgres(self) -> Dial:
        if self.postgres.on_socket:
            return over_socket(str(self.postgres.directory / f".s.PGSQL.{SOCKET_PORT}"))
        return over_tcp(self.postgres.port)

    @property
    def nats_proxies(self) -> list[Proxy]:
        """The doors of all NATS servers."""
        return [node.proxy for node in self.nodes]

    @property
    def proxies(self) -> list[Proxy]:
        """Every door."""
        return [*self.nats_proxies, *self.doors.values()]

    async def open(self) -> None:
        """Open the doors: the stack asks for addresses before it starts anything."""
        for proxy in self.proxies:
            await proxy.open()

    def nats_url(self, user: str) -> str:
        """Through the doors, as this user."""
        who = f"{user}:{self.secrets.bus[user]}"
        return ",".join(f"nats://{who}@127.0.0.1:{proxy.port}" for proxy in self.nats_proxies)

    def nats_direct(self, user: str = NEMESIS) -> list[str]:
        """Past the doors: as somebody who may do everything, or as a user of the house."""
        password = self.secrets.bus.get(user, self.secrets.postgres)
        return [f"nats://{user}:{password}@127.0.0.1:{node.port}" for node in self.nodes]

    def postgres_dsn(self, service: str) -> str:
        """Through the service's own door."""
        password = self.secrets.password_of(service)
        port = self.doors[service].port
        return f"postgresql://{service}:{password}@127.0.0.1:{port}/headrace?sslmode=disable"

    @property
    def administrator_dsn(self) -> str:
        """Past the doors, as the superuser."""
        return self.postgres.superuser_dsn()

    def processes(self) -> Sequence[Supervised]:
        """The server processes."""
        return (self.postgres_process, *(node.process for node in self.nodes))

    def configure_nats(self, store_bytes: int | None = None) -> None:
        """Write the configuration of every node, with a disk of this size; the nemesis is one user more."""
        users = users_conf(NAMESPACE)
        nemesis = f'users: [\n      {{user: {NEMESIS}, password: "{self.secrets.postgres}"}}'
        (self.folder / USERS_FILE).write_text(users.replace("users: [", nemesis, 1))
        routes = [node.route for node in self.nodes] if len(self.nodes) > 1 else []
        for node in self.nodes:
            node.configure(routes, store_bytes)

    async def start(self) -> None:
        """Create what is missing, start all, provision the database."""
        self.configure_nats()
        for node in self.nodes:
            node.process.start()
        self.postgres.create()
        await self.postgres.clear_orphan()
        self.postgres_process.start()
        while not self.postgres.accepting():
            await asyncio.sleep(POLL_SECONDS)
        await self.postgres.provision()

    async def stop(self) -> None:
        """End all of it, and close the doors."""
        for node in self.nodes:
            await node.process.stop(NODE_STOP_SECONDS)
        await self.postgres_process.stop(POSTGRES_STOP_SECONDS)
        for proxy in self.proxies:
            await proxy.close()
