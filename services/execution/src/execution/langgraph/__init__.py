"""LangGraph as an executor: imported only when a blueprint asks for it."""
