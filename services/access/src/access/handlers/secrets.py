"""Named secrets: store and delete; a value is sealed as soon as it is allowed in, and told to nobody."""

from collections.abc import Mapping

from access.collaborators import Collaborators
from access.domain.secrets import Secret, SecretPlace, check_room, not_found, place_to_change
from access.recording import metadata
from chassis.answering import Answerer
from contracts.message import Request
from contracts.secrets import DeleteSecret, SecretView, StoreSecret

HELD = "SELECT count(*) FROM secrets WHERE kind = $1 AND owner = $2 AND name <> $3"


async def store(command: StoreSecret, at: Collaborators) -> SecretView:
    """Record the sealed value, as the first or as a further version."""
    place = place_to_change(command.caller, command.team_id, command.name)
    sealed = at.keys.wrapping.seal(command.value.get_secret_value(), place.context)
    check_room(await _held_beside(place, at))

    def decide(secret: Secret | None) -> Secret:
        if secret is None:
            return Secret.begin(place, sealed, command.caller)
        secret.store(sealed, command.caller)
        return secret

    return (await at.secrets.settle(place.ref, decide, metadata(place.ref))).view()


async def delete(command: DeleteSecret, at: Collaborators) -> SecretView:
    """Forget it."""
    place = place_to_change(command.caller, command.team_id, command.name)

    def decide(secret: Secret | None) -> Secret:
        if secret is None:
            raise not_found(command.name)
        secret.delete(command.caller)
        return secret

    return (await at.secrets.settle(place.ref, decide, metadata(place.ref))).view()


async def _held_beside(place: SecretPlace, at: Collaborators) -> int:
    return int((await at.rows.fetch(HELD, *place))[0][0])


COMMANDS: Mapping[type[Request], Answerer] = {StoreSecret: store, DeleteSecret: delete}
