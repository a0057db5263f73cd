"""`pause`, `resume`, `cancel`, `terminate` and `retry`: orders to a run."""

from typing import Annotated

import typer

from headrace.commands.options import (
    DEFAULT_DATA_DIR,
    DataDir,
    InstanceId,
    Token,
    Url,
    User,
    connect,
    repeated_options,
)
from headrace.commands.refused import saying_what_next


def pause(
    context: typer.Context,
    instance_id: InstanceId,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Begin nothing further in a run; what is in flight ends, timers and signals are kept for later.

    Examples:

      headrace pause 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a
    """
    with connect(data_dir, url, token, user) as client, saying_what_next("pause", instance_id):
        answer = client.pause(instance_id)
    if not answer["changed"]:
        print("It had been paused before.")
    else:
        print("Paused." if answer["status"] == "paused" else "Pausing: what is in flight ends first.")
    print(f"    headrace resume {instance_id}{repeated_options(context)}")


def resume(
    instance_id: InstanceId,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Let a paused run go on where it stopped; timers that came due meanwhile fire at once.

    Examples:

      headrace resume 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a
    """
    with connect(data_dir, url, token, user) as client, saying_what_next("resume", instance_id):
        answer = client.resume(instance_id)
    print("It goes on." if answer["changed"] else f"It was not paused; it is {answer['status']}.")


def cancel(
    instance_id: InstanceId,
    node: Annotated[
        str | None, typer.Option(metavar="NODE", help="Give up only what goes on at this node; the rest goes on.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """End a run before its time, with its compensations; or give up one of its nodes.

    Examples:

      headrace cancel 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a

      headrace cancel 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a --node slow_lookup
    """
    verb = "cancel" if node is None else "cancel_node"
    with connect(data_dir, url, token, user) as client, saying_what_next(verb, instance_id):
        answer = client.cancel(instance_id, node)
    if node is not None:
        print(f"{node} is given up; the rest of the run goes on.")
    else:
        print("cancelled" if answer["status"] == "cancelled" else "cancelling: its nodes are being told")


def terminate(
    instance_id: InstanceId,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """End a run at once, without its compensations; `headrace cancel` is the gentle way.

    Examples:

      headrace terminate 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a
    """
    with connect(data_dir, url, token, user) as client, saying_what_next("terminate", instance_id):
        answer = client.terminate(instance_id)
    print("terminated" if answer["status"] == "terminated" else "terminating: its worker is being told")


def retry(
    context: typer.Context,
    instance_id: InstanceId,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Let a failed run go on from where it failed; what was done stays done.

    Examples:

      headrace retry 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a
    """
    with connect(data_dir, url, token, user) as client, saying_what_next("retry", instance_id):
        client.retry(instance_id)
    print("It goes on from where it failed.")
    print(f"    headrace logs {instance_id} --follow{repeated_options(context)}")
