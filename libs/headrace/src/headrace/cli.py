"""The verbs of the command line, in the order in which a person meets them."""

import os
import sys

import typer

from headrace.commands import (
    archives,
    audit,
    backups,
    blueprints,
    caches,
    databases,
    doctor,
    instances,
    keys,
    letters,
    quotas,
    secrets,
    signals,
    stack,
    steering,
    tour,
    users,
)
from headrace.commands.addresses import adopt_secret_files
from headrace.errors import HeadraceError

UNEXPECTED = 70
"""Exit status for a fault of ours (EX_SOFTWARE)."""

app = typer.Typer(
    name="headrace",
    help=(
        "Durable workflows as data: blueprints run on NATS and Postgres, and nothing accepted gets lost.\n\n"
        "Start with `headrace up` in one terminal and `headrace run examples/hello.yaml` in another, "
        "or watch everything at once with `headrace demo`."
    ),
    rich_markup_mode="markdown",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command(rich_help_panel="The stack")(stack.up)
app.command(rich_help_panel="The stack")(stack.status)
app.command(rich_help_panel="The stack")(stack.service)
app.command(rich_help_panel="The stack")(stack.token)
app.command(rich_help_panel="The stack")(stack.nats_users)
app.command(rich_help_panel="Blueprints and runs")(blueprints.run)
app.command(rich_help_panel="Blueprints and runs")(blueprints.validate)
app.command("instances", rich_help_panel="Blueprints and runs")(instances.list_instances)
app.command(rich_help_panel="Blueprints and runs")(instances.logs)
app.command(rich_help_panel="Blueprints and runs")(instances.waits)
app.command(rich_help_panel="Blueprints and runs")(instances.lineage)
app.command(rich_help_panel="Steering a run")(signals.signal)
app.command(rich_help_panel="Steering a run")(signals.approve)
app.command(rich_help_panel="Steering a run")(signals.reject)
app.command(rich_help_panel="Steering a run")(steering.pause)
app.command(rich_help_panel="Steering a run")(steering.resume)
app.command(rich_help_panel="Steering a run")(steering.retry)
app.command(rich_help_panel="Steering a run")(steering.cancel)
app.command(rich_help_panel="Steering a run")(steering.terminate)
app.add_typer(users.app, name="users", rich_help_panel="Who may do what")
app.add_typer(keys.app, name="keys", rich_help_panel="Who may do what")
app.add_typer(secrets.app, name="secrets", rich_help_panel="Who may do what")
app.add_typer(quotas.app, name="quotas", rich_help_panel="Who may do what")
app.add_typer(audit.app, name="audit", rich_help_panel="Who may do what")
app.add_typer(caches.app, name="cache", rich_help_panel="Operations")
app.command(rich_help_panel="Operations")(doctor.doctor)
app.command(rich_help_panel="Operations")(backups.backup)
app.command(rich_help_panel="Operations")(backups.restore)
app.add_typer(archives.app, name="archive", rich_help_panel="Operations")
app.command(rich_help_panel="Operations")(databases.migrate)
app.command(rich_help_panel="Operations")(databases.rebuild)
app.add_typer(letters.app, name="dead-letters", rich_help_panel="Operations")
app.command(rich_help_panel="Operations")(tour.demo)
app.command(rich_help_panel="Operations")(tour.version)


def main() -> None:
    """Run the command line: what goes wrong is said in a sentence, never as a traceback."""
    try:
        adopt_secret_files()
        app()
    except HeadraceError as error:
        print(f"headrace: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone (`headrace logs … | head`): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("HEADRACE_DEBUG"):
            raise
        print(
            f"headrace: unexpected {type(error).__name__}: {error}. Please report it; HEADRACE_DEBUG=1 shows where.",
            file=sys.stderr,
        )
        sys.exit(UNEXPECTED)


if __name__ == "__main__":
    main()
