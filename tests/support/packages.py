"""Packages as people install them: modules, and the metadata that names their entry points."""

from collections.abc import Mapping
from pathlib import Path

Modules = Mapping[str, str]
EntryPoints = Mapping[str, Mapping[str, str]]
"""Group -> name -> `module:object`."""


def a_package(folder: Path, modules: Modules, entry_points: EntryPoints, name: str = "brought") -> Path:
    """Install a package into a folder that is, or will be, on the path: `modules` by name, their text."""
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    groups = (
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in entry_points.items()
    )
    (metadata / "entry_points.txt").write_text("\n".join(groups))
    return folder
