"""Where progress goes: a live region at a terminal, plain lines anywhere else."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from headrace.progress import RunPicture

RUNNING_SHOWN = 8
REFRESH_PER_SECOND = 12
STYLES = {"✓": "green", "✗": "red", "!": "red", "↻": "yellow", "‖": "yellow", "✎": "cyan", "→": "cyan", " ": "bold"}
"""By the sign that a line begins with; a command to give begins with a space."""
URGENT = ("    headrace ", "! ")
"""How lines begin that call for somebody: a command to give, something that was refused."""


React = Callable[[Mapping[str, Any], RunPicture], Iterable[str]]


class Screen(Protocol):
    """Somewhere that shows a run."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def token(self, node_id: str, text: str) -> None:
        """A piece of a model's answer, as it arrives."""

    def show(self, picture: RunPicture) -> None:
        """What is in flight now."""


class PlainScreen:
    """Lines in order, for pipes, logs and tests."""

    def __init__(self, out: TextIO) -> None:
        """Write to `out`."""
        self._out = out
        self._speaking: str | None = None

    def say(self, text: str) -> None:
        """A line of its own, after any model's unfinished one."""
        if self._speaking is not None:
            self._out.write("\n")
            self._speaking = None
        self._out.write(f"  {text}\n")
        self._out.flush()

    def token(self, node_id: str, text: str) -> None:
        """Go on with the line of the model that is speaking."""
        if self._speaking != node_id:
            self._out.write(f"{'' if self._speaking is None else chr(10)}  ✎ {node_id}: ")
            self._speaking = node_id
        self._out.write(text)
        self._out.flush()

    def show(self, picture: RunPicture) -> None:
        """Nothing: what is in flight is not worth a line that stays."""


class QuietScreen:
    """Where output is for a program: only what a person must do is said, beside it."""

    def __init__(self, out: TextIO) -> None:
        """Write to `out`."""
        self._out = out

    def say(self, text: str) -> None:
        """A line, if it calls for somebody."""
        if text.startswith(URGENT):
            print(text, file=self._out, flush=True)

    def token(self, node_id: str, text: str) -> None:
        """Nothing."""

    def show(self, picture: RunPicture) -> None:
        """Nothing."""


class LiveScreen:
    """A terminal: finished lines scroll up, what is in flight turns below them."""

    def __init__(self, live: Any) -> None:
        """`live` is a started `rich.live.Live`."""
        self._live = live
        self._words: dict[str, str] = {}
        self._running: dict[str, str] = {}

    def say(self, text: str) -> None:
        """A line above the live region."""
        self._live.console.print(f"  {text}", style=_style(text), highlight=False, markup=False, soft_wrap=True)

    def token(self, node_id: str, text: str) -> None:
        """Let the model's answer grow in the live region."""
        self._words[node_id] = self._words.get(node_id, "") + text
        self._draw()

    def show(self, picture: RunPicture) -> None:
        """Redraw what is in flight; the words of a model that is done leave the region for good."""
        self._running = dict(picture.running)
        speaking = {name.partition("[")[0] for name in self._running}
        for node in [node for node in self._words if node not in speaking]:
            self.say(f"✎ {node}: {self._words.pop(node)}")
        self._draw()

    def _draw(self) -> None:
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.text import Text

        shown = list(self._running.items())[:RUNNING_SHOWN]
        rows: list[Any] = [Spinner("dots", Text(f"{node}  {kind}")) for node, kind in shown]
        if len(self._running) > RUNNING_SHOWN:
            rows.append(Text(f"  and {len(self._running) - RUNNING_SHOWN} more"))
        rows += [Text(f"  ✎ {node}: {words}", style="cyan") for node, words in self._words.items()]
        self._live.update(Group(*rows))


def _style(text: str) -> str:
    return STYLES.get(text[:1], "")


@contextmanager
def screen(out: TextIO = sys.stdout) -> Iterator[Screen]:
    """The screen that fits `out`."""
    if not out.isatty():
        yield PlainScreen(out)
        return
    # Imported here: rich is for terminals alone.
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(file=out), refresh_per_second=REFRESH_PER_SECOND, transient=True) as live:
        yield LiveScreen(live)


def follow(lines: Iterable[Mapping[str, Any]], on: Screen, picture: RunPicture, react: React = lambda *_: ()) -> None:
    """Show a run from its stream until the stream ends, and fold it into `picture`.

    `react` is told of every line, once it is shown, and says what is to be shown after it.
    """
    for line in lines:
        if line.get("event") == "Token":
            data = line.get("data") or {}
            on.token(str(data.get("node_id")), str(data.get("text", "")))
            continue
        sentence = picture.tell(line)
        on.show(picture)
        for said in (*([sentence] if sentence else []), *react(line, picture)):
            on.say(said)
        picture.dealt_with(line)
