"""What an execution is turned away for before it exists, and the request that is recorded when it is not (pure)."""

from datetime import datetime
from uuid import UUID

from chassis.language import CEL
from contracts.blueprint import BlueprintReference
from contracts.config_rules import run_problems
from contracts.execution import ExecuteBlueprint
from contracts.instance_events import InstanceRequested
from contracts.message import Caller
from contracts.refusal import Conflict, Invalid
from contracts.text_rules import TextRules
from contracts.vocabulary import BUILT_IN, Vocabulary
from contracts.workflow import BlueprintConfig
from execution.domain.graph import CompiledGraph
from execution.domain.permissions import acting_team, check_executed
from execution.sizes import check_size


def check_access(blueprint: BlueprintReference, caller: Caller) -> None:
    """Refuse what the caller may not see, may not run, and what is archived."""
    check_executed(blueprint, caller)
    check_in_use(blueprint)


def check_in_use(blueprint: BlueprintReference) -> None:
    """Refuse what is archived."""
    if blueprint.archived:
        raise Conflict("archived", f"Blueprint {blueprint.id} is archived; it runs no new executions.")


def check_sizes(command: ExecuteBlueprint) -> None:
    """Refuse what no event may carry."""
    check_size("input", command.body.input)
    check_size("metadata", command.body.metadata)


def check_config(command: ExecuteBlueprint, vocabulary: Vocabulary = BUILT_IN) -> None:
    """Refuse overrides that name what there is not, or a key that is no expression."""
    if command.body.config is None:
        return
    problems = tuple(run_problems(command.body.config, TextRules(CEL), vocabulary))
    if problems:
        raise Invalid("invalid_config", "The execution's `config` cannot be used.", problems)


def check_executor(
    command: ExecuteBlueprint, graph: CompiledGraph, config: BlueprintConfig, vocabulary: Vocabulary = BUILT_IN
) -> None:
    """Refuse an executor in place of the blueprint's own that cannot run this graph."""
    name = command.body.config.executor if command.body.config is not None else None
    rule = vocabulary.executor_rules.get(name or "")
    if rule is None or name == config.executor:
        return
    problems = tuple(
        problem.model_copy(update={"pointer": "/config/executor"}) for problem in rule(graph.written, config)
    )
    if problems:
        raise Invalid("executor_cannot", f"The executor `{name}` cannot run this blueprint.", problems)


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
    return InstanceRequested(
        originator_id=command.instance_id,
        originator_version=1,
        timestamp=now,
        blueprint_id=blueprint.id,
        blueprint_version=blueprint.version,
        user_id=command.caller.user_id,
        team_id=acting_team(blueprint, command.caller),
        input=command.body.input,
        config=config,
        conversation_id=command.body.conversation_id,
        metadata=command.body.metadata,
        worker_id=worker_id,
    )
