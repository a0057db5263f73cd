"""`signal`, `approve` and `reject`: what people tell a run that waits."""

import json
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
from headrace.commands.refused import saying_what_next
from headrace.errors import Complaint

Node = Annotated[
    str | None, typer.Option(metavar="NODE", help="Which approval is meant, when the run waits for several.")
]
Comment = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it is kept with the decision.")]
Form = Annotated[
    str | None, typer.Option(metavar="JSON|@FILE", help="What the node asks to be filled in (`headrace waits ID`).")
]


def signal(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[ID] NAME", help="The run's id and the signal's name; with --blueprint the name alone."
        ),
    ],
    payload: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", help="What comes with it; nothing (null) by default.")
    ] = None,
    blueprint: Annotated[
        str | None, typer.Option(metavar="ID", help="Send it to whichever run of this blueprint waits for --key.")
    ] = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="The key that the run waits for.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Sending it again with the same text is the same signal.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Send a signal: to one run, or by a key to whichever run waits for it, now or later.

    Examples:

      headrace signal 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a paid --payload '{"amount": 20}'

      headrace signal --blueprint 0199c3f2-7c1e-7a60-8a55-3f0d8c2b9e10 --key order-17 paid
    """
    from headrace.blueprint_file import load_json

    instance_id, name = _target(words, blueprint, key)
    given: Any = None if payload is None else load_json(payload, "--payload ")
    with connect(data_dir, url, token, user) as client, saying_what_next("signal", instance_id):
        if blueprint is not None and key is not None:
            answer = client.post_signal(blueprint, key, name, given, idempotency_key=idempotency_key)
        else:
            answer = client.signal(instance_id, name, given, idempotency_key=idempotency_key)
    if as_json:
        print(json.dumps(answer, indent=2))
    elif answer["instance_id"] is None:
        print(f"Nobody waits for {key} yet; the signal `{name}` is kept for the first run that does.")
    else:
        print(f"Sent signal `{name}` to {answer['instance_id']}.")


def _target(words: list[str], blueprint: str | None, key: str | None) -> tuple[str, str]:
    """The run's id (empty when a blueprint is named) and the signal's name."""
    if (blueprint is None) != (key is None):
        raise Complaint("--blueprint and --key go together: headrace signal --blueprint ID --key KEY NAME.")
    wanted = 2 if blueprint is None else 1
    if len(words) != wanted:
        form = "ID NAME" if blueprint is None else "--blueprint ID --key KEY NAME"
        given = "1 word" if len(words) == 1 else f"{len(words)} words"
        raise Complaint(f"That is {given} where {wanted} are expected: headrace signal {form}.")
    return (words[0] if blueprint is None else ""), words[-1]


def approve(
    context: typer.Context,
    instance_id: InstanceId,
    node: Node = None,
    comment: Comment = None,
    form: Form = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Approve what a run waits for, and let it go on.

    Examples:

      headrace approve 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a --comment "Known customer."

      headrace approve 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a --node review --form '{"limit": 2000}'
    """
    from headrace.blueprint_file import load_json

    filled = None if form is None else load_json(form, "--form ")
    with connect(data_dir, url, token, user) as client, saying_what_next("decide", instance_id):
        client.approve(instance_id, node, comment=comment, form=filled)
    print("Approved.")
    print(f"    headrace logs {instance_id} --follow{repeated_options(context)}")


def reject(
    context: typer.Context,
    instance_id: InstanceId,
    node: Node = None,
    comment: Comment = None,
    form: Form = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Reject what a run waits for; its node says whether that fails the run or takes another branch.

    Examples:

      headrace reject 0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a --comment "Too risky."
    """
    from headrace.blueprint_file import load_json

    filled = None if form is None else load_json(form, "--form ")
    with connect(data_dir, url, token, user) as client, saying_what_next("decide", instance_id):
        client.reject(instance_id, node, comment=comment, form=filled)
    print("Rejected.")
    print(f"    headrace logs {instance_id} --follow{repeated_options(context)}")
