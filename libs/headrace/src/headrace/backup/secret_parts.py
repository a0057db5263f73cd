"""What cannot be drawn anew: the secrets of a data directory, sealed under a key that is kept elsewhere."""

from pathlib import Path

from headrace.embedded.secrets import SECRETS_FILE, write_private
from headrace.errors import Complaint

CONTEXT = "headrace backup secrets"


def seal_secrets(data_dir: Path, key_file: Path, target: Path) -> None:
    """Write `secrets.json`, sealed; a key that is not there yet is drawn and kept private (mode 0600)."""
    from chassis.sealing import Sealer, new_key

    source = data_dir / SECRETS_FILE
    if not source.exists():
        raise Complaint(f"{data_dir} holds no {SECRETS_FILE}: with servers of your own, keep their secrets yourself.")
    if not key_file.exists():
        key_file.parent.mkdir(parents=True, exist_ok=True)
        write_private(key_file, new_key() + "\n")
    sealer = Sealer.from_text(_key(key_file))
    write_private(target, sealer.seal(source.read_text(encoding="utf-8"), CONTEXT))


def unseal_secrets(source: Path, key_file: Path, data_dir: Path) -> None:
    """Put the secrets back where a stack looks for them."""
    from chassis.sealing import Sealer, Unreadable

    try:
        text = Sealer.from_text(_key(key_file)).open(source.read_text(encoding="utf-8"), CONTEXT)
    except Unreadable as error:
        raise Complaint(f"{key_file} does not open the secrets of this backup: {error}.") from error
    write_private(data_dir / SECRETS_FILE, text)


def _key(key_file: Path) -> str:
    from chassis.sealing import key_from_text

    try:
        text = key_file.read_text(encoding="utf-8").strip()
        key_from_text(text)
    except OSError as error:
        raise Complaint(f"{key_file} cannot be read ({error.strerror}): name the file with the key.") from error
    except ValueError as error:
        raise Complaint(f"{key_file} holds no key: {error}.") from error
    return text
