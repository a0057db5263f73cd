"""The files that the architecture tests judge."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "contracts": ROOT / "libs/contracts/src/contracts",
    "chassis": ROOT / "libs/chassis/src/chassis",
    "headrace": ROOT / "libs/headrace/src/headrace",
    "blueprint": ROOT / "services/blueprint/src/blueprint",
    "execution": ROOT / "services/execution/src/execution",
    "metrics": ROOT / "services/metrics/src/metrics",
    "access": ROOT / "services/access/src/access",
    "gateway": ROOT / "services/gateway/src/gateway",
}


def package_files() -> list[Path]:
    """Every Python file that ships."""
    return sorted(path for folder in PACKAGES.values() for path in folder.rglob("*.py"))


def python_files() -> list[Path]:
    """Every Python file of the packages and of the tests."""
    return sorted([*package_files(), *(ROOT / "tests").rglob("*.py")])


def module_exists(name: str) -> bool:
    """Whether a dotted module, or a package of that name, has been written."""
    package, *rest = name.split(".")
    path = PACKAGES[package].joinpath(*rest)
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def tracked_files() -> list[tuple[str, str]]:
    """Every file of the repository as (mode, path), for example `("100644", "README.md")`."""
    command = ["git", "-C", str(ROOT), "ls-files", "--stage", "-z"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    entries = [entry.split("\t", 1) for entry in listing.split("\0") if entry]
    return [(facts.split()[0], path) for facts, path in entries if (ROOT / path).is_file()]


def name(path: Path) -> str:
    """A path as a reader of the repository knows it."""
    return str(path.relative_to(ROOT))
