"""What a deployment may choose: every environment variable that a service reads, with its meaning."""

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis import clock
from chassis.secret_files import PREFIX, UnusableFile, read_secret_files

NAMESPACE_PATTERN = r"^[a-z0-9_]{1,64}$"
OTEL_ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"

Port = Annotated[int, Field(ge=0, le=65_535)]


class BadSettings(Exception):
    """A variable of the environment has a value that cannot be used; the sentence says which and why."""


class Settings(BaseSettings):
    """Read once at the start of a process from the environment, each field from `HEADRACE_<FIELD>`.

    Secrets, and addresses with a password in them, may stand in a file instead: `HEADRACE_<FIELD>_FILE` names it.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", use_attribute_docstrings=True)

    nats_url: str = "nats://127.0.0.1:4222"
    """The NATS server or servers (comma-separated), JetStream enabled; `tls://` insists on TLS."""
    nats_tls_ca: Path | None = None
    """PEM file with the authority of NATS' certificate; unset: those that the system trusts."""
    nats_tls_cert: Path | None = None
    """PEM file with the certificate that this process shows to NATS, where it asks for one."""
    nats_tls_key: Path | None = None
    """PEM file with its key."""
    tls_cert: Path | None = None
    """PEM file with the certificate chain of the gateway, which then speaks HTTPS."""
    tls_key: Path | None = None
    """PEM file with its key."""
    nats_replicas: int = Field(default=1, ge=1, le=5)
    """On how many servers of a NATS cluster each stream is kept: with 3, one of them may die without a pause."""
    postgres_dsn: str = "postgresql://postgres@127.0.0.1:5432/headrace"
    """The database; every service keeps to its own schema in it."""
    namespace: str = Field(default="headrace", pattern=NAMESPACE_PATTERN)
    """First token of every subject and stream name: lets several stacks share one NATS server."""
    production: bool = False
    """Refuse what is only meant for trying out, such as the offline model provider and a built-in secret."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least serious log line that is written."""
    log_format: Literal["json", "text"] = "json"
    """`json` for machines, `text` for people at a terminal."""
    metrics_port: Port | None = None
    """Where this process serves Prometheus metrics itself; unset: only through the gateway."""
    host: str = "127.0.0.1"
    """The address the gateway listens on."""
    port: Port = 8080
    """The port the gateway listens on; 0 lets the system choose."""
    jwt_secret: SecretStr | None = None
    """Key of the HS256 bearer tokens. The gateway needs it or `HEADRACE_JWT_JWKS`; the embedded stack makes its own."""
    jwt_jwks: str | None = None
    """Public keys of RS256 and ES256 bearer tokens: the https URL of a JWKS document, or a file that holds one."""
    jwt_audience: str | None = None
    """What `aud` of a bearer token must name; unset: it is not looked at."""
    jwt_issuer: str | None = None
    """What `iss` of a bearer token must be; unset: it is not looked at."""
    trusted_proxies: str = ""
    """Networks (CIDR, comma-separated) of proxies whose `X-Forwarded-For` the gateway believes; unset: of none."""
    cors_origins: str = ""
    """Origins (comma-separated) whose pages may ask the gateway from a browser; unset: none but its own."""
    sealing_key: SecretStr | None = None
    """Base64 of 32 bytes, under which secrets lie in the database. Access and execution share it; see the guide."""
    workers: int = Field(default=1, ge=1, le=64)
    """How many execution processes the embedded stack runs."""
    slots: int = Field(default=256, ge=1, le=10_000)
    """How many instances one execution process advances at the same time."""
    tools: Path | None = None
    """A Python file whose public functions become tools of `tool` nodes."""
    http_allow: str = ""
    """What `http` nodes may reach besides the public internet: `crm.intern, 10.1.0.0/16, 10.2.0.7:8080`."""
    pipeline: Path | None = None
    """A YAML or JSON file with what this deployment enforces on every run: rate limits, middleware, upper bounds."""
    data_dir: Path = Path(".headrace")
    """Where the embedded stack keeps its databases, secrets and logs."""
    pool_size: int = Field(default=8, ge=2, le=200)
    """Postgres connections that one process may open."""

    @cached_property
    def otel(self) -> bool:
        """Whether traces are exported: so when the standard OTLP endpoint variable is set."""
        return bool(os.environ.get(OTEL_ENDPOINT_VARIABLE))

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """The settings of this process; raises `BadSettings` with one sentence for each bad variable."""
        try:
            files = read_secret_files(os.environ)
            said = {variable.removeprefix(PREFIX).lower(): value for variable, value in files.items()}
            settings = cls(**said | overrides)
        except UnusableFile as error:
            raise BadSettings(str(error)) from error
        except ValidationError as error:
            raise BadSettings("; ".join(_sentence(problem) for problem in error.errors())) from error
        if settings.production and clock.offset_file is not None:
            raise BadSettings(f"{clock.OFFSET_FILE_VARIABLE} moves the clock, for tests only: unset it in production")
        return settings


def _sentence(problem: Any) -> str:
    name = str(problem["loc"][0]).upper()
    shown = "" if name.endswith(("SECRET", "KEY")) else f"={problem['input']!r}"
    return f"{PREFIX}{name}{shown} cannot be used: {problem['msg'][:1].lower()}{problem['msg'][1:]}"
