"""`headrace up` with a newer version on the data of an older one, and with an older PostgreSQL than made them."""

import json
import shutil
from pathlib import Path

UP = "CREATE TABLE things (id integer)"
DOWN = "DROP TABLE things"


async def test_a_schema_that_changes_is_backed_up_first(start_up, stand_ins, tmp_path):
    older, newer = Path(stand_ins), tmp_path / "newer"
    shutil.copytree(older, newer)
    for direction, statement in (("up", UP), ("down", DOWN)):
        (newer / "blueprint" / "migrations" / f"0001_things.{direction}.sql").write_text(statement)
    up = start_up(tmp_path / "data", PYTHONPATH=str(older))
    await up.ready()
    assert not (up.data_dir / "backups").exists(), "a new database needs no backup"
    assert up.stop()[0] == 0

    up = start_up(tmp_path / "data", PYTHONPATH=str(newer))
    await up.ready()
    status, said = up.stop()

    assert status == 0
    [backup] = (up.data_dir / "backups").iterdir()
    assert f"the schemas of blueprint are about to change; a backup is taken first: {backup}" in said
    assert json.loads((backup / "manifest.json").read_text())["reason"] == "before a migration"

    (up.data_dir / "postgres" / "PG_VERSION").write_text("17\n")
    up = start_up(tmp_path / "data", PYTHONPATH=str(newer))
    said = up.process.communicate(timeout=30)[1]
    assert up.process.returncode == 1
    assert "was made by PostgreSQL 17, and this is PostgreSQL 18" in said
    assert "`headrace restore` into a new --data-dir" in said
