"""Where tools come from: built in, a file of the deployment's own, installed packages."""

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from execution.builtin_tools import BUILT_IN
from execution.tools import BadTools, ToolFunction, Tools

TOOL_ENTRY_POINTS = "headrace.tools"
"""Packages name their tools here: `mytool = "mypackage.module:function"`."""


def load_tools(file: Path | None = None, *, production: bool = False) -> Tools:
    """Built-in tools, those of installed packages and those of `file`; raises `BadTools`."""
    functions: dict[str, ToolFunction] = dict(BUILT_IN)
    for name, function in (*_installed(), *(_functions_of(file) if file else ())):
        if name in functions:
            raise BadTools(f"Two tools are called {name!r}; rename one of them.")
        functions[name] = function
    return Tools(functions, production=production)


def _installed() -> Iterator[tuple[str, ToolFunction]]:
    for entry in entry_points(group=TOOL_ENTRY_POINTS):
        try:
            yield entry.name, entry.load()
        except Exception as error:
            raise BadTools(f"Tool {entry.name!r} of entry point {entry.value!r} cannot be loaded: {error}.") from error


def _functions_of(file: Path) -> Iterator[tuple[str, ToolFunction]]:
    """The public functions that the file itself defines."""
    module = _imported(file.resolve())
    for name, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
            yield name, value


def _imported(file: Path) -> ModuleType:
    name = f"headrace_tools_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise BadTools(f"{file} is not a Python file; give the path of a .py file with your tools.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise BadTools(f"{file} cannot be loaded: {type(error).__name__}: {error}.") from error
    return module
