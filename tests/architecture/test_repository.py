"""The repository names no machine, can be set up anywhere, and its entrance explains itself."""

import re
from pathlib import Path

import yaml

from tests.architecture.sources import ROOT, tracked_files

VERBS_MAX = 24
INDEX_HOST = re.compile(r"\bpypi\.[a-z]|pythonhosted\.|registry\.npmjs\.|--(?:extra-)?index-url|--find-links")
MACHINE_PATH = re.compile(r"(?<![\w.~$}])/(?:home|root|Users|work)/\w")
PEERS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests/benchmarks/peers").glob("*/requirements.lock"))
LOCKS = ("requirements.lock", "tools.lock", "infra/image.lock", *PEERS)


def texts() -> dict[str, str]:
    """Every tracked text file."""
    found = {}
    for _, path in tracked_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            found[path] = content.decode()
    return found


def locked(lock: str) -> dict[str, set[str]]:
    """Each requirement of a lock (name, version and marker) with its hashes."""
    requirements: dict[str, set[str]] = {}
    for line in (ROOT / lock).read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = line.removesuffix("\\").strip()
            requirements[requirement] = set()
        requirements[requirement] |= set(re.findall(r"--hash=(sha256:[0-9a-f]{64})", line))
    return requirements


def test_no_package_index_is_named():
    assert [path for path, text in texts().items() if INDEX_HOST.search(text) and path != own_path()] == []


def test_no_path_of_a_machine_is_named():
    assert [path for path, text in texts().items() if MACHINE_PATH.search(text)] == []


def test_the_lock_of_the_workspace_is_the_hashed_one():
    assert [path for _, path in tracked_files() if path.endswith("uv.lock")] == []


def test_every_script_is_executable_and_every_executable_is_a_script():
    scripts = {path for path, text in texts().items() if text.startswith("#!") or path.endswith(".sh")}

    assert {path for mode, path in tracked_files() if mode == "100755"} == scripts


def test_every_locked_requirement_is_pinned_and_hashed():
    for lock in LOCKS:
        assert [name for name, hashes in locked(lock).items() if "==" not in name or not hashes] == [], lock


def test_images_run_what_the_suite_has_tested():
    tested = {requirement.split(" ;")[0] for requirement in locked("requirements.lock")}
    shipped = {requirement.split(" ;")[0] for requirement in locked("infra/image.lock")}

    assert shipped - tested == set()


def test_the_entrance_has_few_verbs_and_explains_each():
    verbs = yaml.safe_load((ROOT / "Taskfile.yml").read_text())["tasks"]
    explained = [verb for verb, task in verbs.items() if task.get("desc", "").endswith(".")]

    assert sorted(set(verbs) - set(explained)) == ["default"]
    assert len(explained) <= VERBS_MAX


def own_path() -> str:
    """This file, which has to spell what the others must not say."""
    return str(Path(__file__).relative_to(ROOT))
