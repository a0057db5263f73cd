"""The matrix of access itself: users, roles, API keys, secrets, quotas, the audit log."""

from collections.abc import Iterator

from tests.security.matrix import RELATIONS, Row, call

TABLE = """
endpoint               of                   owner  viewer  operator  editor  admin  member  stranger  other  deploy
getOwnUser             oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
listUsers              everybody            403    403     403       403     403    403     403       403    ok
listUsers              the team             403    403     403       403     ok     403     403       403    ok
getUser                somebody             403    403     403       403     403    403     403       403    ok
putUser                somebody             403    403     403       403     403    403     403       403    ok
deactivateUser         somebody             403    403     403       403     403    403     403       403    ok
activateUser           somebody             403    403     403       403     403    403     403       403    ok
eraseUser              somebody             403    403     403       403     403    403     403       403    ok
grantRole              the team             403    403     403       403     ok     403     403       403    ok
grantRole              everybody            403    403     403       403     403    403     403       403    ok
revokeRole             the team             403    403     403       403     ok     403     403       403    ok
revokeRole             everybody            403    403     403       403     403    403     403       403    ok
issueApiKey            oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
listApiKeys            oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
listApiKeys            somebody             403    403     403       403     403    403     403       403    ok
revokeApiKey           the owner            ok     404     404       404     404    404     404       404    ok
listSecrets            oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
listSecrets            the team             ok     ok      ok        ok      ok     ok      403       403    ok
putSecret              oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
putSecret              the team             403    403     403       403     ok     403     403       403    ok
deleteSecret           oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
deleteSecret           the team             403    403     403       403     ok     403     403       403    ok
listQuotas             oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
putQuota               the team             403    403     403       403     403    403     403       403    ok
listAudit              everybody            403    403     403       403     403    403     403       403    ok
verifyAudit            everybody            403    403     403       403     403    403     403       403    ok
exportAudit            everybody            403    403     403       403     403    403     403       403    ok
"""
"""The relation is to the team and to the owner of an API key; `deploy` is the admin of the deployment."""

USER = "/users/{user}"
SECRET = "/secrets/{name}"
ACCESS_CALLS = {
    "getOwnUser": call("GET", "/users/me", "read", 200),
    "listUsers": call("GET", "/users", "manage", 200),
    "getUser": call("GET", USER, "read", 200),
    "putUser": call("PUT", USER, "manage", 200, body={"display_name": "Somebody"}),
    "deactivateUser": call("POST", f"{USER}/deactivate", "manage", 200),
    "activateUser": call("POST", f"{USER}/activate", "manage", 200),
    "eraseUser": call("DELETE", USER, "manage", 200),
    "grantRole": call("PUT", f"{USER}/roles/{{team}}/viewer", "manage", 200),
    "revokeRole": call("DELETE", f"{USER}/roles/{{team}}/viewer", "manage", 200),
    "issueApiKey": call("POST", "/api-keys", "manage", 201, body={"name": "mine", "scopes": ["read"]}),
    "listApiKeys": call("GET", "/api-keys", "manage", 200),
    "revokeApiKey": call("DELETE", "/api-keys/{id}", "manage", 200),
    "listSecrets": call("GET", "/secrets", "read", 200),
    "putSecret": call("PUT", SECRET, "manage", 200, body={"value": "a value"}),
    "deleteSecret": call("DELETE", SECRET, "manage", 200),
    "listQuotas": call("GET", "/quotas", "read", 200),
    "putQuota": call("PUT", "/quotas/team/{team}", "manage", 200, body={"executions_per_day": 1000}),
    "listAudit": call("GET", "/audit", "manage", 200),
    "verifyAudit": call("GET", "/audit/verify", "manage", 200),
    "exportAudit": call("GET", "/audit/export", "manage", 200),
}


def access_rows() -> Iterator[Row]:
    """The table, line by line."""
    for line in TABLE.strip("\n").splitlines()[1:]:
        cells = dict(zip(RELATIONS, line[44:].split(), strict=True))
        yield Row(line[:23].strip(), line[23:44].strip(), cells)
