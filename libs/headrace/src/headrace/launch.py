"""Import a service while its servers are still starting, and run it when the supervisor says go."""

import importlib
import runpy
import sys


def main(service: str) -> None:
    """Become `python -m SERVICE.app`, at most one line of stdin later; no line means that nobody wants it any more."""
    module = f"{service}.app"
    importlib.import_module(module)
    if not sys.stdin.readline():
        return
    # What the module needs is imported by now; only the module itself runs again, under its own name.
    del sys.modules[module]
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])
