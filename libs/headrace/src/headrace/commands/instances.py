"""`instances`, `logs`, `waits` and `lineage`: how runs are."""

import json
from itertools import islice
from typing import Annotated, Any

import typer

from headrace.commands.options import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    InstanceId,
    Token,
    Url,
    User,
    connect,
    repeated_options,
)


def list_instances(
    status: Annotated[str | None, typer.Option(help="Only runs in this status, such as failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """List your runs, newest first.

    Examples:

      headrace instances --status failed --limit 5
    """
    from headrace.durations import milliseconds

    with connect(data_dir, url, token, user) as client:
        found = list(islice(client.instances(status=status), limit))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for instance in found:
        took = milliseconds(float((instance.get("metrics") or {}).get("execution_time_ms") or 0))
        print(f"{instance['id']}  {instance['status']:<10} {instance['created_at']}  {took}")
    if not found:
        print("No runs yet: start one with `headrace run FILE.yaml`.")


def logs(
    instance_id: InstanceId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Show what happened in a run, oldest first.

    Examples:

      headrace logs 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a --follow
    """
    from headrace.following import entries

    with connect(data_dir, url, token, user) as client:
        for entry in entries(client, instance_id, follow=follow):
            print(json.dumps(entry) if as_json else _sentence(entry), flush=True)


def _sentence(entry: dict[str, Any]) -> str:
    return f"{entry['time']}  {entry['level']:<5} {entry['message']}"


def waits(
    context: typer.Context,
    instance_id: InstanceId,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Show what a run waits for, and the commands that let it go on.

    Examples:

      headrace waits 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a
    """
    from headrace.waits import Wait

    with connect(data_dir, url, token, user) as client:
        found = client.waits(instance_id)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for item in found["items"]:
        wait = Wait.read(item["node_id"], item)
        print(f"{wait.node_id} waits for {wait.told()}")
        for command in wait.commands(instance_id, repeated_options(context)):
            print(f"    {command}")
    if found["status"] == "paused":
        print(f"{instance_id} is paused: headrace resume {instance_id}{repeated_options(context)}")
    elif not found["items"]:
        print(f"{instance_id} is {found['status']} and waits for nobody.")


def lineage(
    instance_id: InstanceId,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Show which run started this one, and which runs it started.

    Examples:

      headrace lineage 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a
    """
    with connect(data_dir, url, token, user) as client:
        found = client.lineage(instance_id)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    parent, children = found["parent"], found["children"]
    print(f"run      {instance_id}")
    if parent is None:
        print("parent   none: it was started by a person or a program")
    else:
        print(f"root     {found['root_id']}\nparent   {_relative(parent)}")
    for child in children:
        print(f"child    {_relative(child)}")
    if not children:
        print("children none")


def _relative(relative: dict[str, Any]) -> str:
    of = f"blueprint {relative['blueprint_id']} version {relative['blueprint_version']}"
    node = f" · node {relative['node_id']}" if relative["node_id"] else ""
    return f"{relative['instance_id']}  {relative['status']:<10} {of}{node}"
