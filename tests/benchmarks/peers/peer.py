"""What the peers have in common: an environment of their own, a server or more, and a program that is told the load."""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from tests.benchmarks.contender import Load, Outcome
from tests.benchmarks.peers.children import Program, child
from tests.benchmarks.peers.environments import install_python, locked_version
from tests.support.backends import Backend
from tests.support.infrastructure import postgres_server

HERE = Path(__file__).resolve().parent
EMBEDDED = Backend("embedded", "a benchmark measures what it starts itself")


class Peer(ABC):
    """A contender from elsewhere."""

    name: str
    packages: ClassVar[tuple[str, ...]]
    """Whose versions say what was measured; the first is the peer itself."""

    def __init__(self) -> None:
        self._environment: Path | None = None
        self._program: Program | None = None
        self._running = ExitStack()

    @property
    def home(self) -> Path:
        """Where its locks and its program are."""
        return HERE / self.name.lower()

    @property
    def installed(self) -> Path:
        """The folder of its virtual environment."""
        if self._environment is None:
            raise RuntimeError(f"{self.name} has no environment yet: call prepare first.")
        return self._environment

    @property
    def python(self) -> str:
        """The interpreter of its environment."""
        return str(self.installed / "bin/python")

    def prepare(self, cache: Path) -> str:
        """Install the locked packages below `cache`; answers their versions."""
        lock = self.home / "requirements.lock"
        self._environment = cache.resolve() / f"{self.home.name}-python"
        install_python(lock, self._environment)
        first, *others = ((package, locked_version(lock, package)) for package in self.packages)
        return ", ".join([first[1], *(f"{package} {version}" for package, version in others)])

    def start(self, folder: Path) -> None:
        """Start its servers, then its program."""
        with ExitStack() as stack:
            settings = self.serve(stack, folder)
            command = [self.python, "-m", f"tests.benchmarks.peers.{self.home.name}.program"]
            running = stack.enter_context(child(command, folder, self.environment(), answers=True))
            self._program = Program(running, settings)
            self._running = stack.pop_all()

    def run(self, load: Load) -> Outcome:
        """Hand the load to the program."""
        if self._program is None:
            raise RuntimeError(f"{self.name} is not running: call start first.")
        return self._program.run(load)

    def stop(self) -> None:
        """End the program, then the servers, in that order."""
        self._program = None
        self._running.close()

    @abstractmethod
    def serve(self, stack: ExitStack, folder: Path) -> dict[str, Any]:
        """Start the servers, to be ended with the stack; answers what the program has to know of them."""

    def environment(self) -> dict[str, str]:
        """The environment variables of the program."""
        return {}


def durable_postgres(stack: ExitStack) -> str:
    """The DSN of a PostgreSQL as our own service has it: the same build and settings, fsync on."""
    return stack.enter_context(postgres_server(EMBEDDED, durable=True))
