"""The matrix of access: who may manage whom, and what anybody may do with what is one's own."""

TABLE = """
listUsers              everybody            403    403     403       403     403    403     403       403    ok
getOwnUser             oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
getUser                somebody             403    403     403       403     403    403     403       403    ok
putUser                somebody             403    403     403       403     403    403     403       403    ok
eraseUser              somebody             403    403     403       403     403    403     403       403    ok
deactivateUser         somebody             403    403     403       403     403    403     403       403    ok
activateUser           somebody             403    403     403       403     403    403     403       403    ok
grantRole              the team             403    403     403       403     ok     403     403       403    ok
revokeRole             the team             403    403     403       403     ok     403     403       403    ok
issueApiKey            oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
listApiKeys            oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
revokeApiKey           private              ok     404     404       404     404    404     404       404    ok
listSecrets            oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
putSecret              oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
deleteSecret           oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
listQuotas             oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
putQuota               somebody             403    403     403       403     403    403     403       403    ok
listAudit              everybody            403    403     403       403     403    403     403       403    ok
verifyAudit            everybody            403    403     403       403     403    403     403       403    ok
exportAudit            everybody            403    403     403       403     403    403     403       403    ok
"""
USER, ROLE, SECRET = "/users/{user_id}", "/users/{user_id}/roles/{team}/{role}", "/secrets/{name}"
CALLS = {
    "listUsers": ("GET", "/users", "manage", 200),
    "getOwnUser": ("GET", "/users/me", "read", 200),
    "getUser": ("GET", USER, "read", 200, 404),
    "putUser": ("PUT", USER, "manage", 200),
    "eraseUser": ("DELETE", USER, "manage", 200),
    "deactivateUser": ("POST", f"{USER}/deactivate", "manage", 200),
    "activateUser": ("POST", f"{USER}/activate", "manage", 200, 404),
    "grantRole": ("PUT", ROLE, "manage", 200),
    "revokeRole": ("DELETE", ROLE, "manage", 200, 404),
    "issueApiKey": ("POST", "/api-keys", "manage", 201),
    "listApiKeys": ("GET", "/api-keys", "manage", 200),
    "revokeApiKey": ("DELETE", "/api-keys/{id}", "manage", 200),
    "listSecrets": ("GET", "/secrets", "read", 200),
    "putSecret": ("PUT", SECRET, "manage", 200),
    "deleteSecret": ("DELETE", SECRET, "manage", 200, 404),
    "listQuotas": ("GET", "/quotas", "read", 200),
    "putQuota": ("PUT", "/quotas/{kind}/{owner}", "manage", 200),
    "listAudit": ("GET", "/audit", "manage", 200),
    "verifyAudit": ("GET", "/audit/verify", "manage", 200),
    "exportAudit": ("GET", "/audit/export", "manage", 200),
}
BODIES = {"putUser": {}, "issueApiKey": {"name": "mine"}, "putSecret": {"value": "s3cr3t"}, "putQuota": {}}


def filled(path: str, operation: str, team: str, thing: str) -> str:
    """The path with somebody of this operation's own in it, so that no row disturbs another."""
    somebody = f"{operation}-{team}"
    names = {"id": thing, "user_id": somebody, "owner": somebody, "team": team}
    names |= {"role": "viewer", "kind": "user", "name": "TOKEN"}
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
    return path
