"""The Restate service whose handler is a chain of no-op steps; served by hypercorn in Restate's own environment."""

import restate

chains = restate.Service("chains")


async def step(done: int) -> int:
    """Count, and nothing else."""
    return done + 1


@chains.handler()
async def run(context: restate.Context, steps: int) -> int:
    """Take so many steps, each in the journal before the next begins."""
    done = 0
    while done < steps:
        done = await context.run_typed("step", step, done=done)
    return done


app = restate.app(services=[chains])
