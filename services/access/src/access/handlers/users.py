"""Users and their roles: register, let in or not, erase, grant, revoke."""

from collections.abc import Callable, Mapping

from access.collaborators import Collaborators
from access.domain.rights import check_admin_of, check_deployment_admin
from access.domain.users import User, not_registered, user_ref
from access.names import open_names, seal_name
from access.recording import metadata
from chassis.answering import Answerer
from contracts.access import (
    ActivateUser,
    DeactivateUser,
    EraseUser,
    GrantRole,
    RegisterUser,
    RevokeRole,
    UserView,
)
from contracts.message import Caller, Request


async def register(command: RegisterUser, at: Collaborators) -> UserView:
    """Make a user known, or rename it; the name it has already changes nothing."""
    check_deployment_admin(command.caller)
    user = await at.users.find(user_ref(command.user_id))
    if user is not None and await _name_of(user, at) == command.display_name and not user.erased:
        return await _view(user, command.caller, at)
    sealed = await seal_name(at.keys, command.user_id, command.display_name)

    def decide(user: User | None) -> User:
        if user is None:
            return User.register(command.user_id, sealed, command.caller)
        user.rename(sealed, command.caller)
        return user

    return await _settled(command.user_id, decide, command.caller, at)


async def deactivate(command: DeactivateUser, at: Collaborators) -> UserView:
    """Let a user in no more, also one whom nobody registered."""
    check_deployment_admin(command.caller)
    return await _changed(command, lambda user: user.deactivate(command.caller), at)


async def activate(command: ActivateUser, at: Collaborators) -> UserView:
    """Let a user in again."""
    check_deployment_admin(command.caller)
    return await _known_changed(command, lambda user: user.activate(command.caller), at)


async def erase(command: EraseUser, at: Collaborators) -> UserView:
    """Record that the user is forgotten, then shred its key.

    In this order, because the ledger is what everybody follows: whoever dies in between leaves a fact behind from which
    the rest is done later (`access.erasing`), and a key that is shredded first would leave nothing.
    """
    check_deployment_admin(command.caller)
    view = await _changed(command, lambda user: user.erase(command.caller), at)
    await at.keys.shred(user_ref(command.user_id))
    return view


async def grant(command: GrantRole, at: Collaborators) -> UserView:
    """Give a role, also to somebody whom nobody registered: a team needs no admin of the deployment to grow."""
    check_admin_of(command.caller, command.team_id)
    return await _changed(command, lambda user: user.grant(command.team_id, command.role, command.caller), at)


async def revoke(command: RevokeRole, at: Collaborators) -> UserView:
    """Take a role away."""
    check_admin_of(command.caller, command.team_id)
    return await _known_changed(command, lambda user: user.revoke(command.team_id, command.role, command.caller), at)


OfUser = DeactivateUser | ActivateUser | EraseUser | GrantRole | RevokeRole


async def _changed(command: OfUser, change: Callable[[User], None], at: Collaborators) -> UserView:
    """Decide about a user who is registered for it where that has not been done yet."""

    def decide(user: User | None) -> User:
        user = user or User.register(command.user_id, None, command.caller)
        change(user)
        return user

    return await _settled(command.user_id, decide, command.caller, at)


async def _known_changed(command: OfUser, change: Callable[[User], None], at: Collaborators) -> UserView:
    """Decide about a user; `Missing` when nobody registered it."""

    def decide(user: User | None) -> User:
        if user is None:
            raise not_registered(command.user_id)
        change(user)
        return user

    return await _settled(command.user_id, decide, command.caller, at)


async def _settled(user_id: str, decide: Callable[[User | None], User], caller: Caller, at: Collaborators) -> UserView:
    ref = user_ref(user_id)
    return await _view(await at.users.settle(ref, decide, metadata(ref)), caller, at)


async def _view(user: User, caller: Caller, at: Collaborators) -> UserView:
    return user.view(await _name_of(user, at), caller)


async def _name_of(user: User, at: Collaborators) -> str | None:
    return (await open_names(at.keys, {user.id: user.sealed_display_name})).get(user.id)


COMMANDS: Mapping[type[Request], Answerer] = {
    RegisterUser: register,
    DeactivateUser: deactivate,
    ActivateUser: activate,
    EraseUser: erase,
    GrantRole: grant,
    RevokeRole: revoke,
}
