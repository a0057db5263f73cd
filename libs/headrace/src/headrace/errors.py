"""What can go wrong for a person at the command line, as sentences that say what to do next."""

from dataclasses import dataclass


class HeadraceError(Exception):
    """Something a person can act on. The text is the whole message; `exit_code` is the process's."""

    exit_code = 1
    passing = False
    """Whether the same request may do well in a moment."""


class Complaint(HeadraceError):
    """The command cannot go on; the sentence says why and what to do next."""


class Unreachable(HeadraceError):
    """No gateway answers at the URL."""

    passing = True


UNAVAILABLE = 503
"""The status of a refusal that says nothing about the request: something behind the gateway is away."""


class LeftRunning(HeadraceError):
    """Ctrl-C while a run was watched: the run goes on."""

    exit_code = 130

    def __init__(self, instance_id: str | None) -> None:
        """`instance_id` is None when the run had not been named yet."""
        if instance_id is None:
            super().__init__("Left before the run was accepted: `headrace instances` shows whether it was.")
            return
        follow, end = f"`headrace logs {instance_id} --follow`", f"`headrace cancel {instance_id}`"
        super().__init__(f"Run {instance_id} goes on without you. {follow} shows it, {end} ends it.")


@dataclass(frozen=True)
class FieldProblem:
    """One thing that is wrong with a request: a JSON pointer, a stable code, a sentence."""

    pointer: str
    code: str
    message: str


class ProblemError(HeadraceError):
    """The API refused a request (RFC 9457). `errors` holds every problem found, not only the first."""

    exit_code = 2

    def __init__(
        self, status: int, code: str, detail: str, errors: tuple[FieldProblem, ...] = (), title: str = "Refused"
    ) -> None:
        """`status` is the HTTP status, `code` the stable slug of the rule that was broken."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.title = title
        self.passing = status == UNAVAILABLE
        self.next_step = ""
        """What a person can do about it, where whoever asked knows."""

    def __str__(self) -> str:
        """The refusal for a terminal: what was refused, then every problem on its own line."""
        lines = [f"{self.title} ({self.status} {self.code}): {self.detail}"]
        lines += [f"  {problem.pointer or '/'}  {problem.message}" for problem in self.errors]
        lines += [self.next_step] if self.next_step else []
        return "\n".join(lines)
