"""Prints a process definition in XML as a blueprint, or runs it and holds it against a path."""

import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from tests.patterns.replay import compare
from tests.patterns.translate import Translation
from tests.patterns.xml_form import read

USAGE = """Usage:
  python -m tests.patterns.convert FILE.xml              print the definition as a blueprint, in YAML
  python -m tests.patterns.convert run FILE.xml FILE.path  run it, and tell what differs from the path"""
DIFFERENT, MISUSED = 1, 2


def main(arguments: Sequence[str]) -> int:
    """0 when all is well, 1 when the path differs or the definition is refused, 2 when it is called wrongly."""
    try:
        match arguments:
            case ["run", definition, path]:
                return run(Path(definition), Path(path))
            case [definition] if definition not in ("run", "-h", "--help"):
                blueprint = Translation(read(Path(definition))).blueprint()
                sys.stdout.write(yaml.safe_dump(blueprint, sort_keys=False, allow_unicode=True, width=120))
                return 0
            case _:
                sys.stderr.write(f"{USAGE}\n")
                return MISUSED
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return DIFFERENT


def run(definition: Path, path: Path) -> int:
    """Tell what differs, in lines that begin with - for what the path has and + for what the engine does."""
    differing = compare(definition, path)
    for line in differing:
        sys.stdout.write(f"{line}\n")
    if not differing:
        sys.stdout.write(f"{definition.name} takes the path of {path.name}\n")
    return DIFFERENT if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
