"""An instance as callers see it (pure)."""

from contracts.execution import ExecutionView, InstanceMetrics, InstanceView
from execution.domain.instance import Instance


def metrics_of(instance: Instance) -> InstanceMetrics:
    """What the run took so far."""
    now = instance.ended_at or instance.started_at or instance.request.timestamp
    return InstanceMetrics.model_validate(instance.recorded_figures(now).model_dump())


def instance_view(instance: Instance) -> InstanceView:
    """The whole instance."""
    request = instance.request
    return InstanceView(
        id=instance.id,
        blueprint_id=request.blueprint_id,
        blueprint_version=request.blueprint_version,
        status=instance.status,
        input=request.input,
        output=instance.output,
        error=instance.error,
        user_id=request.user_id,
        conversation_id=request.conversation_id,
        metadata=request.metadata,
        created_at=request.timestamp,
        started_at=instance.started_at,
        completed_at=instance.ended_at,
        metrics=metrics_of(instance),
    )


def execution_view(instance: Instance) -> ExecutionView:
    """What a caller of execute learns: everything once the run has ended, the status before."""
    if not instance.ended:
        return ExecutionView(instance_id=instance.id, status=instance.status)
    return ExecutionView(
        instance_id=instance.id,
        status=instance.status,
        output=instance.output,
        metrics=metrics_of(instance),
        error=instance.error,
    )
