"""What reaches a run from outside, and what it does about failures, in words."""

import pytest

from headrace.progress import RunPicture

RUN = "0199f1c2-5a7e-7cc1-b1a6-4f3d2e1c0b9a"
LATER = "2026-01-31T12:00:02.000Z"
ERROR = {"type": "permanent", "code": "x", "message": "no luck"}


def line(event: str, **data) -> dict:
    return {"seq": 1, "event": event, "instance_id": RUN, "time": "2026-01-31T12:00:00.000Z", "data": data}


def node(identifier: str, **more) -> dict:
    return {"node_id": identifier, "visit": 1, "attempt": 1, **more}


TOLD = [
    (line("SignalReceived", name="paid", by="ada"), "✉ signal `paid` from ada"),
    (line("ApprovalDecided", **node("a", approved=True, by="ada")), "✉ a approved by ada"),
    (line("ApprovalDecided", **node("a", approved=False, by="bo", comment="No.")), "✉ a rejected by bo: No."),
    (line("ErrorCaught", **node("a", error=ERROR)), "↷ a caught: no luck"),
    (line("NodeCancelled", **node("a", reason="requested")), "■ a given up"),
    (line("NodeCancelled", **node("a", reason="withdrawn")), "■ a withdrawn: another branch came first"),
    (line("NodeCancelled", **node("a", reason="ended")), None),
    (line("NodeThrottled", **node("a", due_at=LATER)), "… a over its rate limit, goes on in 2.0 s"),
    (line("CacheHit", node_id="a", answered_by=RUN), f"= a answered from the cache, as instance {RUN} was"),
    (line("CacheHit", answered_by=RUN), f"= answered from the cache, as instance {RUN} was"),
    (line("ChildStarted", **node("a", child_id=RUN)), f"→ a started run {RUN}"),
    (line("CompensationStarted", error=ERROR), "↶ undoes what was done, the last first (no luck)"),
    (line("CompensationStarted", error=None), "↶ undoes what was done, the last first"),
    (line("CompensationBegun", **node("refund", compensated="pay")), "↶ refund undoes pay"),
    (line("InstanceRetryScheduled", error=ERROR, attempt=2, due_at=LATER), "↻ no luck: attempt 2 follows in 2.0 s"),
    (line("InstanceThrottled", due_at=LATER), "… over its rate limit, let in in 2.0 s"),
    (line("SectionRequested", section_key="b/k", limit=2), "… waits for its turn in `b/k` (2 at once)"),
    (line("SectionRequested", section_key="b/k", limit=1, **node("a")), "… a waits for its turn in `b/k` (1 at once)"),
    (line("InstanceCancelRequested", by="ada"), "■ ada asked to cancel"),
    (line("InstanceTerminateRequested", by="ada"), "■ ada asked to terminate"),
    (line("NodeCancelRequested", node_id="a", by="ada"), "■ ada asked to give up a"),
    (line("InstanceResumed", by="ada"), "▶ ada resumed it"),
    (line("InstanceRetried", by="ada"), "↻ ada retried it"),
    (line("InstanceSuspended", due_at=None), None),
    (line("NodeCompleted", **node("begin", node_type="start", scope="rows:1:1:0")), None),
]


@pytest.mark.parametrize(("line", "words"), TOLD, ids=[line["event"] for line, _ in TOLD])
def test_a_fact_is_told_in_words(line, words):
    told = RunPicture().tell(line)

    assert (told and " ".join(told.split())) == words


def test_a_node_in_a_body_is_named_with_the_numbers_of_its_passes():
    picture = RunPicture()
    for each in (("rows", "map"), ("part", "region"), ("cells", "loop")):
        picture.tell(line("NodeStarted", **node(each[0], node_type=each[1])))
    inside = node("cell", node_type="tool", scope="rows:1:1:2/part:1:1:0/cells:1:1:7")

    picture.tell(line("NodeStarted", **inside))
    told = picture.tell(line("NodeCompleted", **inside))

    assert told is not None
    assert told.split() == ["✓", "cell[2,7]", "tool"]
    assert "cell[2,7]" not in picture.running


def test_items_that_run_side_by_side_are_in_flight_each_for_itself():
    picture = RunPicture()
    for index in (0, 1):
        picture.tell(line("NodeStarted", **node("cell", node_type="tool", scope=f"rows:1:1:{index}")))
    picture.tell(line("NodeCompleted", **node("cell", node_type="tool", scope="rows:1:1:0")))

    assert picture.running == {"cell[1]": "tool"}


def test_a_failed_run_that_is_retried_has_not_ended():
    picture = RunPicture()
    for event in ("InstanceFailed", "InstanceRetried"):
        picture.tell(line(event))

    assert not picture.ended
