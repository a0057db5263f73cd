"""`quotas`: what users and teams may use."""

import json
from typing import Annotated, Any

import typer

from headrace.commands.options import ADMIN, DEFAULT_DATA_DIR, AsJson, DataDir, Token, Url, User, connect

app = typer.Typer(help="What users and teams may use.", no_args_is_help=True)

LIMITS = {
    "executions_per_day": "executions a day",
    "concurrent_executions": "at once",
    "tokens_per_day": "tokens a day",
    "cost_per_day": "US dollars a day",
}


@app.command("list")
def list_quotas(
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """List the quotas that are set.

    Examples:

      headrace quotas list
    """
    with connect(data_dir, url, token, user, ADMIN) as client:
        found = client.quotas()
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for quota in found:
        print(_line(quota))
    if not found:
        print("No quotas: everybody may use what there is.")


@app.command("set")
def set_quota(
    kind: Annotated[str, typer.Argument(metavar="user|team", help="Whose quota it is.")],
    owner: Annotated[str, typer.Argument(metavar="ID", help="The user's or the team's id.")],
    executions: Annotated[int | None, typer.Option(min=0, help="Executions a day.")] = None,
    concurrent: Annotated[int | None, typer.Option(min=0, help="Executions at the same time.")] = None,
    tokens: Annotated[int | None, typer.Option(min=0, help="Tokens of models a day.")] = None,
    cost: Annotated[float | None, typer.Option(min=0, help="US dollars a day.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
    token: Token = None,
    user: User = None,
) -> None:
    """Replace the quota of a user or a team; what is not named is not limited any more.

    Examples:

      headrace quotas set team research --executions 10000 --concurrent 50 --cost 25

      headrace quotas set user ada
    """
    values = (executions, concurrent, tokens, cost)
    with connect(data_dir, url, token, user, ADMIN) as client:
        quota = client.put_quota(kind, owner, **dict(zip(LIMITS, values, strict=True)))
    print(json.dumps(quota, indent=2) if as_json else _line(quota))


def _line(quota: dict[str, Any]) -> str:
    bounds = [f"{quota[name]:g} {words}" for name, words in LIMITS.items() if quota[name] is not None]
    return f"{quota['kind']} {quota['owner']}: {', '.join(bounds) or 'not limited'}"
