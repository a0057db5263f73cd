"""LangGraph's StateGraph says what begins; by itself this executor begins nothing."""

from collections.abc import Collection, Sequence

from execution.domain.visits import Visit


class LangGraph:
    """Stands for the StateGraph as long as no session is open."""

    def choose(self, ready: Collection[Visit], in_flight: int, limit: int) -> Sequence[Visit]:
        """Nothing: only a session knows what LangGraph asks for."""
        return ()

    def expects(self, ready: Collection[Visit]) -> bool:
        """Whatever is ready will be asked for."""
        return bool(ready)
