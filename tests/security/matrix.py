"""The matrix: what each relation may do at each endpoint, as a table that people read and a test runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

RELATIONS = ("owner", "viewer", "operator", "editor", "admin", "member", "stranger", "other", "deploy")
TABLE = """
endpoint               of                   owner  viewer  operator  editor  admin  member  stranger  other  deploy
createBlueprint        oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
createBlueprint        the team             ok     422     422       ok      ok     ok      422       422    422
listBlueprints         what one sees        ok     ok      ok        ok      ok     ok      ok        ok     ok
listTemplates          what one sees        ok     ok      ok        ok      ok     ok      ok        ok     ok
getBlueprint           private              ok     404     404       404     404    404     404       404    404
getBlueprint           team                 ok     ok      ok        ok      ok     ok      404       404    404
getBlueprint           public               ok     ok      ok        ok      ok     ok      ok        ok     ok
getBlueprint           public, team         ok     ok      ok        ok      ok     ok      ok        ok     ok
updateBlueprint        private              ok     404     404       404     404    404     404       404    404
updateBlueprint        team                 ok     403     403       ok      ok     403     404       404    404
updateBlueprint        public               ok     403     403       403     403    403     403       403    403
updateBlueprint        public, team         ok     403     403       ok      ok     403     403       403    403
updateBlueprint        team, unshared       ok     403     403       403     ok     403     404       404    404
updateBlueprint        public, unshared     ok     403     403       403     403    403     403       403    403
deleteBlueprint        private              ok     404     404       404     404    404     404       404    404
deleteBlueprint        team                 ok     403     403       ok      ok     403     404       404    404
deleteBlueprint        public               ok     403     403       403     403    403     403       403    403
deleteBlueprint        public, team         ok     403     403       ok      ok     403     403       403    403
cloneBlueprint         private              ok     404     404       404     404    404     404       404    404
cloneBlueprint         team                 ok     ok      ok        ok      ok     ok      404       404    404
cloneBlueprint         public               ok     ok      ok        ok      ok     ok      ok        ok     ok
cloneBlueprint         public, team         ok     ok      ok        ok      ok     ok      ok        ok     ok
executeBlueprint       private              ok     404     404       404     404    404     404       404    404
executeBlueprint       team                 ok     403     ok        ok      ok     ok      404       404    404
executeBlueprint       public               ok     ok      ok        ok      ok     ok      ok        ok     ok
executeBlueprint       public, team         ok     ok      ok        ok      ok     ok      ok        ok     ok
streamBlueprint        private              ok     404     404       404     404    404     404       404    404
streamBlueprint        team                 ok     403     ok        ok      ok     ok      404       404    404
streamBlueprint        public               ok     ok      ok        ok      ok     ok      ok        ok     ok
streamBlueprint        public, team         ok     ok      ok        ok      ok     ok      ok        ok     ok
postSignal             private              ok     404     404       404     404    404     404       404    404
postSignal             team                 ok     403     ok        403     ok     ok      404       404    404
postSignal             public               ok     ok      ok        ok      ok     ok      ok        ok     ok
postSignal             public, team         ok     ok      ok        403     ok     ok      ok        ok     ok
clearCache             private              ok     404     404       404     404    404     404       404    404
clearCache             team                 ok     403     ok        403     ok     ok      404       404    404
clearCache             public               ok     403     403       403     403    403     403       403    403
clearCache             public, team         ok     403     ok        403     ok     ok      403       403    403
getBlueprintAnalytics  private              ok     404     404       404     404    404     404       404    404
getBlueprintAnalytics  team                 ok     ok      ok        ok      ok     ok      404       404    404
getBlueprintAnalytics  public               ok     ok      ok        ok      ok     ok      ok        ok     ok
getBlueprintAnalytics  public, team         ok     ok      ok        ok      ok     ok      ok        ok     ok
getUsage               oneself              ok     ok      ok        ok      ok     ok      ok        ok     ok
listInstances          what one sees        ok     ok      ok        ok      ok     ok      ok        ok     ok
getInstance            private              ok     404     404       404     404    404     404       404    404
getInstance            team                 ok     ok      ok        ok      ok     ok      404       404    404
getInstance            public               ok     404     404       404     404    404     404       404    404
getInstance            public, team         ok     ok      ok        ok      ok     ok      404       404    404
getInstanceLogs        private              ok     404     404       404     404    404     404       404    404
getInstanceLogs        team                 ok     ok      ok        ok      ok     ok      404       404    404
getInstanceWaits       private              ok     404     404       404     404    404     404       404    404
getInstanceWaits       team                 ok     ok      ok        ok      ok     ok      404       404    404
getInstanceLineage     private              ok     404     404       404     404    404     404       404    404
getInstanceLineage     team                 ok     ok      ok        ok      ok     ok      404       404    404
pauseInstance          private              ok     404     404       404     404    404     404       404    404
pauseInstance          team                 ok     403     ok        403     ok     ok      404       404    404
pauseInstance          public               ok     404     404       404     404    404     404       404    404
pauseInstance          public, team         ok     403     ok        403     ok     ok      404       404    404
resumeInstance         private              ok     404     404       404     404    404     404       404    404
resumeInstance         team                 ok     403     ok        403     ok     ok      404       404    404
cancelNode             private              ok     404     404       404     404    404     404       404    404
cancelNode             team                 ok     403     ok        403     ok     ok      404       404    404
signalInstance         private              ok     404     404       404     404    404     404       404    404
signalInstance         team                 ok     403     ok        403     ok     ok      404       404    404
retryInstance          private              ok     404     404       404     404    404     404       404    404
retryInstance          team                 ok     403     ok        403     ok     ok      404       404    404
approveInstance        private              ok     404     404       404     404    404     404       404    404
approveInstance        team                 ok     403     ok        403     ok     ok      404       404    404
rejectInstance         private              ok     404     404       404     404    404     404       404    404
rejectInstance         team                 ok     403     ok        403     ok     ok      404       404    404
terminateInstance      private              ok     404     404       404     404    404     404       404    404
terminateInstance      team                 ok     403     ok        403     ok     ok      404       404    404
cancelInstance         private              ok     404     404       404     404    404     404       404    404
cancelInstance         team                 ok     403     ok        403     ok     403     404       404    404
cancelInstance         public               ok     404     404       404     404    404     404       404    404
cancelInstance         public, team         ok     403     ok        403     ok     403     404       404    404
"""
"""The relation is to the owner (of a run: who started it) and to the team. `ok`: let in, whatever comes then."""


@dataclass(frozen=True)
class Row:
    """One endpoint, asked about things of one kind."""

    operation: str
    of: str
    expected: Mapping[str, str]


@dataclass(frozen=True)
class Call:
    """How an endpoint is asked; `{id}` stands for the thing."""

    method: str
    path: str
    fine: frozenset[int]
    """Statuses of one who is let in."""
    needs: str
    """The scope of an API key without which nothing of it is answered."""
    body: Json | None = None
    query: Json = field(default_factory=dict)


def call(method: str, path: str, needs: str, *fine: int, body: Json | None = None, **query: Any) -> Call:
    """One line of the list below."""
    return Call(method, path, frozenset(fine), needs, body, query)


RUN = "/instances/{id}"
BLUEPRINT = "/blueprints/{id}"
CALLS = {
    "createBlueprint": call("POST", "/blueprints", "edit", 201),
    "listBlueprints": call("GET", "/blueprints", "read", 200),
    "listTemplates": call("GET", "/templates", "read", 200),
    "getBlueprint": call("GET", BLUEPRINT, "read", 200),
    "updateBlueprint": call("PUT", BLUEPRINT, "edit", 200),
    "deleteBlueprint": call("DELETE", BLUEPRINT, "edit", 204),
    "cloneBlueprint": call("POST", f"{BLUEPRINT}/clone", "edit", 201, body={}),
    "executeBlueprint": call("POST", f"{BLUEPRINT}/execute", "execute", 202, body={}, mode="async"),
    "streamBlueprint": call("POST", f"{BLUEPRINT}/stream", "execute", 200, body={}),
    "postSignal": call("POST", f"{BLUEPRINT}/signals", "steer", 202, body={"name": "paid", "key": "7"}),
    "clearCache": call("DELETE", f"{BLUEPRINT}/cache", "steer", 200),
    "getBlueprintAnalytics": call("GET", f"{BLUEPRINT}/analytics", "read", 200),
    "getUsage": call("GET", "/analytics/usage", "read", 200),
    "listInstances": call("GET", "/instances", "read", 200),
    "getInstance": call("GET", RUN, "read", 200),
    "getInstanceLogs": call("GET", f"{RUN}/logs", "read", 200),
    "getInstanceWaits": call("GET", f"{RUN}/waits", "read", 200),
    "getInstanceLineage": call("GET", f"{RUN}/lineage", "read", 200),
    "pauseInstance": call("POST", f"{RUN}/pause", "steer", 202, 200),
    "resumeInstance": call("POST", f"{RUN}/resume", "steer", 202, 200),
    "cancelNode": call("POST", f"{RUN}/nodes/review/cancel", "steer", 202, 409),
    "signalInstance": call("POST", f"{RUN}/signal", "steer", 202, body={"name": "call"}),
    "retryInstance": call("POST", f"{RUN}/retry", "steer", 409),
    "approveInstance": call("POST", f"{RUN}/approve", "steer", 200, 409),
    "rejectInstance": call("POST", f"{RUN}/reject", "steer", 200, 409),
    "terminateInstance": call("POST", f"{RUN}/terminate", "steer", 202, 200),
    "cancelInstance": call("POST", f"{RUN}/cancel", "steer", 202, 200),
}


def rows() -> Iterator[Row]:
    """The table, line by line."""
    for line in TABLE.strip("\n").splitlines()[1:]:
        cells = dict(zip(RELATIONS, line[44:].split(), strict=True))
        yield Row(line[:23].strip(), line[23:44].strip(), cells)
