"""`run` and `validate`: blueprint files."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from headrace.commands.options import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    Token,
    Url,
    User,
    connect,
    own_name,
    repeated_options,
)

BlueprintFile = Annotated[Path, typer.Argument(help="A blueprint in YAML or JSON: the body of POST /blueprints.")]

Companions = Annotated[
    list[Path] | None,
    typer.Option("--with", metavar="FILE", help="Publish this one too; its id is blueprints.NAME in the input."),
]


def run(
    context: typer.Context,
    file: BlueprintFile,
    input: Annotated[
        str | None, typer.Option("--input", "-i", help="The run's input: JSON, or @FILE.", metavar="JSON|@FILE")
    ] = None,
    companions: Companions = None,
    signal: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=JSON]", help="Send this signal as soon as the run waits for it; again for more."),
    ] = None,
    approve: Annotated[
        list[str] | None, typer.Option(metavar="NODE[=JSON]", help="Approve at this node, with this form.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option(metavar="NODE[=TEXT]", help="Reject at this node, with this comment.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Run a blueprint file and watch it node by node.

    The blueprint is created when you have none of its name, gets a new version when the file has changed, and is
    used as it is otherwise. A run that waits for somebody says which command lets it go on; --signal, --approve and
    --reject answer it at once. A blueprint that runs others takes their files as --with. Exit status: 0 completed,
    1 ended otherwise, 2 refused, 130 left by Ctrl-C (the run goes on).

    Examples:

      headrace run examples/hello.yaml --input '{"name": "Ada"}'

      headrace run review.yaml --input @order.json --json | jq .output

      headrace run examples/children.yaml --with examples/children/price.yaml

      headrace run purchase.yaml --approve review='{"limit": 2000}' --signal paid='{"amount": 20}'
    """
    from headrace.answering import Answering, Answers
    from headrace.blueprint_file import load_blueprint, load_input
    from headrace.publishing import naming, publish_all
    from headrace.runs import execution_of, watch
    from headrace.tokens import subject_of

    bodies, given = [load_blueprint(one) for one in (*(companions or ()), file)], load_input(input)
    answers = Answers.prepared(signal or (), approve or (), reject or ())
    with connect(data_dir, url, token, user) as client:
        me = subject_of(token) or client.own_user()["user_id"] if token else own_name(user)
        blueprint, ids, sentences = publish_all(client, bodies, me)
        if not as_json:
            print(sentences)
        answering = Answering(client, answers, repeated_options(context))
        instance = watch(client, blueprint["id"], naming(given, ids), None if as_json else sys.stdout, answering)
        if as_json:
            print(json.dumps(execution_of(instance), indent=2))
    if instance["status"] != "completed":
        raise typer.Exit(1)


def validate(
    file: BlueprintFile,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Check a blueprint file and list every problem; nothing is written.

    A running stack is asked, because it knows its tools and providers; without one the file is checked here.
    Exit status 1 when there are problems.

    Examples:

      headrace validate examples/order_review.yaml
    """
    from headrace.blueprint_file import load_blueprint
    from headrace.validation import problems_of

    problems = problems_of(load_blueprint(file), data_dir, url)
    if as_json:
        print(json.dumps({"valid": not problems, "problems": problems}, indent=2))
    elif problems:
        print("\n".join(f"{problem['pointer'] or '/'}  {problem['message']}" for problem in problems))
    else:
        print(f"{file} is valid")
    if problems:
        raise typer.Exit(1)
