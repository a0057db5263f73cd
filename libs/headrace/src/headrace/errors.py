"""What can go wrong for a person at the command line, as sentences that say what to do next."""

from dataclasses import dataclass


class HeadraceError(Exception):
    """Something a person can act on. The text is the whole message; `exit_code` is the process's."""

    exit_code = 1


class Complaint(HeadraceError):
    """The command cannot go on; the sentence says why and what to do next."""


class Unreachable(HeadraceError):
    """No gateway answers at the URL."""


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

    def __str__(self) -> str:
        """The refusal for a terminal: what was refused, then every problem on its own line."""
        lines = [f"{self.title} ({self.status} {self.code}): {self.detail}"]
        lines += [f"  {problem.pointer or '/'}  {problem.message}" for problem in self.errors]
        return "\n".join(lines)
