"""Who may manage access is what the table says: users, roles, API keys, secrets, quotas, the audit log."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

from tests.security.access_matrix import ACCESS_CALLS, access_rows
from tests.security.matrix import RELATIONS, Row
from tests.security.people import People

PARAMETER_OF = {"listUsers": "team", "listSecrets": "team", "putSecret": "team", "deleteSecret": "team"}
"""What names the team in the query, where the path does not."""


async def answer(people: People, row: Row, relation: str) -> str:
    """What one of them hears: `ok`, or the status of the refusal. Each asks about something of its own."""
    asked, user, name = ACCESS_CALLS[row.operation], f"user-{uuid4()}", f"secret_{relation}"
    team = "*" if row.of == "everybody" else people.team
    query: dict[str, Any] = dict(asked.query)
    if row.of == "the team" and row.operation in PARAMETER_OF:
        query |= {"team": team}
    if row.of == "somebody" and row.operation == "listApiKeys":
        query |= {"owner": user}
    if "{user}" in asked.path:
        await people["deploy"].ask("PUT", f"/users/{user}")
    key = None
    if row.operation == "revokeApiKey":
        key = (await people["owner"].ask("POST", "/api-keys", 201, json={"name": "hers", "scopes": ["read"]}))["id"]
    if row.operation == "deleteSecret":
        whose = people["admin"] if row.of == "the team" else people[relation]
        await whose.ask("PUT", f"/secrets/{name}", json={"value": "a value"}, params=query)
    path = asked.path.format(user=user, team=quote(team, safe=""), name=name, id=key)
    given = {"json": asked.body} if asked.body is not None else {}
    response = await people[relation].send(asked.method, path, params=query, **given)
    return "ok" if response.status_code in asked.fine else str(response.status_code)


async def test_everybody_manages_what_stands_in_the_table(people: People) -> None:
    wrong = []
    for row in access_rows():
        for relation in RELATIONS:
            found = await answer(people, row, relation)
            if found != row.expected[relation]:
                wrong.append(f"{row.operation} ({row.of}) as {relation}: {found}, not {row.expected[relation]}")
    assert wrong == []


async def test_an_admin_of_a_team_learns_nothing_of_users_beyond_it(people: People) -> None:
    admin, deploy, outsider = people["admin"], people["deploy"], people["stranger"]
    await deploy.ask("PUT", f"/users/{outsider.user}", json={"display_name": "Kept Secret"})
    await deploy.ask("PUT", f"/users/{outsider.user}/roles/{people.other_team}/editor")

    listed = await admin.send("GET", "/users", params={"team": people.team})
    granted = await admin.send("PUT", f"/users/{outsider.user}/roles/{people.team}/viewer")

    assert outsider.user not in listed.text
    assert people.other_team not in granted.text


async def test_a_role_that_access_grants_holds_and_one_that_it_takes_away_holds_no_longer(people: People) -> None:
    admin, newcomer = people["admin"], people["stranger"]
    role = f"/users/{newcomer.user}/roles/{people.team}/viewer"
    secrets = "/secrets"
    await newcomer.get(secrets, 403, team=people.team)

    await admin.ask("PUT", role)
    await newcomer.get(secrets, 200, team=people.team)

    await admin.ask("DELETE", role)
    await newcomer.get(secrets, 403, team=people.team)
