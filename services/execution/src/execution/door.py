"""What an execution is turned away for before it exists, and the request that is recorded when it is not (pure)."""

from datetime import datetime
from uuid import UUID

import orjson

from chassis.language import CEL
from contracts.config_rules import run_problems
from contracts.execution import ExecuteBlueprint
from contracts.instance_events import InstanceRequested
from contracts.refusal import Conflict, Invalid, Missing, Problem, TooLarge
from contracts.text_rules import TextRules
from contracts.vocabulary import BUILT_IN, Vocabulary
from contracts.workflow import MAX_VALUE_BYTES, BlueprintConfig


def check_access(command: ExecuteBlueprint) -> None:
    """Refuse what the caller may not see, and what is archived."""
    blueprint = command.blueprint
    if not blueprint.visible_to(command.caller):
        raise Missing("blueprint_not_found", f"There is no blueprint {blueprint.id}.")
    if blueprint.archived:
        raise Conflict("archived", f"Blueprint {blueprint.id} is archived; it runs no new executions.")


def check_size(command: ExecuteBlueprint) -> None:
    """Refuse what no event may carry."""
    for name, value in (("input", command.body.input), ("metadata", command.body.metadata)):
        size = len(orjson.dumps(value))
        if size > MAX_VALUE_BYTES:
            message = f"`{name}` has {size} bytes; at most {MAX_VALUE_BYTES} are taken."
            problem = Problem(pointer=f"/{name}", code="too_large", message=message)
            raise TooLarge("value_too_large", message, (problem,))


def check_config(command: ExecuteBlueprint, vocabulary: Vocabulary = BUILT_IN) -> None:
    """Refuse overrides that name what there is not, or a key that is no expression."""
    if command.body.config is None:
        return
    problems = tuple(run_problems(command.body.config, TextRules(CEL), vocabulary))
    if problems:
        raise Invalid("invalid_config", "The execution's `config` cannot be used.", problems)


def effective_config(config: BlueprintConfig, command: ExecuteBlueprint) -> BlueprintConfig:
    """The blueprint's configuration with the caller's overrides in it."""
    if command.body.config is None:
        return config
    overrides = {name: getattr(command.body.config, name) for name in command.body.config.model_fields_set}
    return config.model_copy(update={name: value for name, value in overrides.items() if value is not None})


def requested(
    command: ExecuteBlueprint, config: BlueprintConfig, now: datetime, worker_id: UUID | None
) -> InstanceRequested:
    """The first fact of the instance, with its effective `config`; the team's too when the caller acts for the team."""
    blueprint = command.blueprint
    is_teams = blueprint.visibility != "private" and blueprint.team_id in command.caller.teams
    return InstanceRequested(
        originator_id=command.instance_id,
        originator_version=1,
        timestamp=now,
        blueprint_id=blueprint.id,
        blueprint_version=blueprint.version,
        user_id=command.caller.user_id,
        team_id=blueprint.team_id if is_teams else None,
        input=command.body.input,
        config=config,
        conversation_id=command.body.conversation_id,
        metadata=command.body.metadata,
        worker_id=worker_id,
    )
