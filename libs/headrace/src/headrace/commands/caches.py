"""`cache clear`: what blueprints remember."""

import json
from typing import Annotated

import typer

from headrace.commands.options import DEFAULT_DATA_DIR, AsJson, DataDir, Token, Url, User, connect

app = typer.Typer(help="What blueprints remember.", no_args_is_help=True)


@app.command()
def clear(
    blueprint_id: Annotated[str, typer.Argument(metavar="BLUEPRINT", help="The blueprint's id.")],
    node: Annotated[str | None, typer.Option(metavar="NODE", help="Only what this node answered.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Forget what a blueprint answered, so that it is worked out again; only its owner and its team may.

    Examples:

      headrace cache clear 0199c3f2-7c1e-7a60-8a55-3f0d8c2b9e10 --node classify
    """
    with connect(data_dir, url, token, user) as client:
        answer = client.clear_cache(blueprint_id, node)
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    forgotten = answer["forgotten"]
    print(f"Forgot {forgotten} {'answer' if forgotten == 1 else 'answers'}.")
