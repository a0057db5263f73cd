"""Who may say and hear what on the bus: one table, from which the users of every NATS configuration are written."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from headrace.services import GATEWAY

OPERATOR = "operator"
"""The person at the command line: asks, looks and mends, but states no facts."""

ACCOUNT = "HEADRACE"
"""All users share one account of the server, and with it the streams."""
WORK = "work"
JETSTREAM = "$JS.API"


@dataclass(frozen=True)
class Service:
    """What decides which subjects a service needs.

    `says`: it records events, so it relays them and tells them again. `hears`: its durable consumers, by the service
    whose events they bring; a consumer is named `<service>_<projection>`. `works`: it hands out and takes up work.
    """

    name: str
    says: bool = True
    hears: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    works: bool = False


SERVICES = (
    Service("access"),
    Service("blueprint"),
    Service(
        "execution",
        hears={"blueprint": ("execution_known_versions",), "access": ("execution_known_access",)},
        works=True,
    ),
    Service(
        "metrics", says=False, hears={"execution": ("metrics_executions",), "blueprint": ("metrics_blueprint_names",)}
    ),
)
WORK_CONSUMERS = ("execution_start", "execution_wake")
SPOKEN_BY_WORKERS = ("work.start.*", "work.wake.*", "tokens.spoken.*", "nudge.*")
ASKERS = (GATEWAY, OPERATOR)
"""Who may ask and order; services answer to their inboxes and to no other subject."""

USERS = (*(service.name for service in SERVICES), GATEWAY, OPERATOR)


@dataclass(frozen=True)
class Permissions:
    """What one user of the bus may publish and subscribe to; everything else is refused by the server."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    deaf_to: tuple[str, ...] = ()
    """What it does not get although a subject of `subscribe` covers it."""


def password_variable(user: str) -> str:
    """The environment variable from which nats-server takes a user's password."""
    return f"HEADRACE_NATS_{user.upper()}_PASSWORD"


def permissions(user: str, namespace: str) -> Permissions:
    """The table's row for one user."""
    if user == GATEWAY:
        return _gateway(namespace)
    if user == OPERATOR:
        return _operator(namespace)
    [service] = [service for service in SERVICES if service.name == user]
    return Permissions(tuple(_published_by(service, namespace)), tuple(_heard_by(service, namespace)))


def inbox(user: str) -> str:
    """Where answers to a user arrive; nobody else may listen there (`chassis.bus.inbox_prefix` makes the same)."""
    return f"_INBOX_{user}.>"


def _published_by(service: Service, namespace: str) -> Iterator[str]:
    name = service.name
    yield from _inboxes(ASKERS)
    yield f"{namespace}.committed.{name}"
    if service.says:
        yield f"{namespace}.{name}.*.*"
        yield from _inboxes(listener.name for listener in SERVICES if name in listener.hears)
        yield from _keeping(_stream(namespace, name))
    for source, consumers in service.hears.items():
        stream = _stream(namespace, source)
        yield f"{namespace}.replay.{source}"
        yield from (f"{JETSTREAM}.{verb}.{stream}" for verb in ("STREAM.INFO", "STREAM.CREATE", "STREAM.MSG.GET"))
        yield from _consuming(stream, consumers)
    if service.hears:
        yield f"{namespace}.hurry.{name}.*"
    if service.works:
        yield from (f"{namespace}.{subject}" for subject in SPOKEN_BY_WORKERS)
        yield from _keeping(_stream(namespace, WORK))
        yield from _consuming(_stream(namespace, WORK), WORK_CONSUMERS)


def _heard_by(service: Service, namespace: str) -> Iterator[str]:
    name = service.name
    yield inbox(name)
    yield from (f"{namespace}.{kind}.{name}.*" for kind in ("command", "query", "ops"))
    yield f"{namespace}.committed.{name}"
    if service.says:
        yield f"{namespace}.replay.{name}"
    if service.hears:
        yield f"{namespace}.hurry.{name}.*"
    yield from (f"{namespace}.{source}.*.*" for source in service.hears)
    if service.works:
        yield f"{namespace}.nudge.*"
        yield f"{namespace}.{name}.*.*"


def _gateway(namespace: str) -> Permissions:
    """It speaks for every caller, so it may ask everything; it follows runs, events and tokens in one subscription."""
    return Permissions(
        publish=(
            *(f"{namespace}.{kind}.*.*" for kind in ("command", "query")),
            *(f"{namespace}.ops.*.{verb}" for verb in ("ping", "metrics")),
            *_inboxes(ASKERS),
        ),
        subscribe=(inbox(GATEWAY), f"{namespace}.ops.{GATEWAY}.*", f"{namespace}.*.*.*"),
        deaf_to=tuple(f"{namespace}.{kind}.>" for kind in ("command", "query", "work")),
    )


def _operator(namespace: str) -> Permissions:
    return Permissions(
        publish=(
            *(f"{namespace}.{kind}.*.*" for kind in ("command", "query", "ops")),
            f"{namespace}.replay.*",
            f"{JETSTREAM}.>",
            "$JS.ACK.>",
        ),
        subscribe=(inbox(OPERATOR), f"{namespace}.>"),
    )


def _inboxes(users: Iterable[str]) -> Iterator[str]:
    yield from (inbox(user) for user in users)


def _stream(namespace: str, service: str) -> str:
    return f"{namespace}_{service}".upper()


def _keeping(stream: str) -> Iterator[str]:
    """Declaring a stream of one's own, and reading where it ends."""
    yield from (f"{JETSTREAM}.STREAM.{verb}.{stream}" for verb in ("INFO", "CREATE", "UPDATE", "MSG.GET"))


def _consuming(stream: str, consumers: Iterable[str]) -> Iterator[str]:
    """Declaring a durable consumer, pulling from it, acknowledging what it brings."""
    for consumer in consumers:
        place = f"{stream}.{consumer}"
        yield from (f"{JETSTREAM}.CONSUMER.{verb}.{place}" for verb in ("INFO", "CREATE", "MSG.NEXT"))
        yield f"{JETSTREAM}.CONSUMER.CREATE.{place}.>"
        yield f"$JS.ACK.{place}.>"


def users_conf(namespace: str) -> str:
    """The users of a NATS server as its configuration includes them; passwords come from the environment."""
    return "\n".join(
        [
            "# Who may say and hear what on the bus. Written by `headrace nats-users` from headrace/permissions.py.",
            "accounts {",
            f"  {ACCOUNT} {{",
            "    jetstream: enabled",
            "    users: [",
            *(line for user in USERS for line in _user(user, permissions(user, namespace))),
            "    ]",
            "  }",
            "}",
            "",
        ]
    )


def _user(user: str, granted: Permissions) -> Iterator[str]:
    yield f"      {{user: {user}, password: ${password_variable(user)}, permissions: {{"
    yield from _subjects("publish", "allow", granted.publish)
    yield from _subjects("subscribe", "allow", granted.subscribe, granted.deaf_to)
    yield "      }}"


def _subjects(verb: str, kind: str, allowed: Iterable[str], denied: Iterable[str] = ()) -> Iterator[str]:
    yield f"        {verb}: {{"
    for name, subjects in ((kind, allowed), ("deny", denied)):
        if listed := [f'            "{subject}"' for subject in subjects]:
            yield f"          {name}: ["
            yield from listed
            yield "          ]"
    yield "        }"
