"""The language model providers that a deployment has configured."""

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

from execution.nodes.action import NodeFailure
from execution.providers.anthropic import AnthropicProvider
from execution.providers.conversation import Provider
from execution.providers.offline import OfflineProvider
from execution.providers.openai import OpenAIProvider

OFFLINE = "offline"
OPENAI_URL = "HEADRACE_OPENAI_BASE_URL"
OPENAI_KEY = "HEADRACE_OPENAI_API_KEY"
OPENAI_OWN_KEY = "OPENAI_API_KEY"
"""The variable that OpenAI's own tools read; used where `HEADRACE_OPENAI_API_KEY` is not set."""
OPENAI_MODEL = "HEADRACE_OPENAI_MODEL"
"""The model that is asked where neither node nor run name one."""
ANTHROPIC_URL = "HEADRACE_ANTHROPIC_BASE_URL"
ANTHROPIC_KEY = "HEADRACE_ANTHROPIC_API_KEY"
ANTHROPIC_MODEL = "HEADRACE_ANTHROPIC_MODEL"


class Providers:
    """The configured providers by name; the offline one stands in only where there is no other."""

    def __init__(self, configured: Mapping[str, Provider], *, production: bool = False) -> None:
        """`configured` in the order in which they are preferred."""
        self._configured = MappingProxyType(dict(configured))
        self._offline = OfflineProvider(production=production)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, *, production: bool = False) -> Self:
        """A provider is configured when its key or its base URL is set."""
        configured: dict[str, Provider] = {}
        openai_key = environment.get(OPENAI_KEY) or environment.get(OPENAI_OWN_KEY)
        openai_url = environment.get(OPENAI_URL) or None
        if openai_key or openai_url:
            configured["openai"] = OpenAIProvider(openai_key, openai_url, environment.get(OPENAI_MODEL))
        anthropic_key, anthropic_url = environment.get(ANTHROPIC_KEY), environment.get(ANTHROPIC_URL) or None
        if anthropic_key or anthropic_url:
            configured["anthropic"] = AnthropicProvider(anthropic_key, anthropic_url, environment.get(ANTHROPIC_MODEL))
        return cls(configured, production=production)

    def choose(self, name: str | None, model: str | None) -> tuple[str, Provider]:
        """The provider for a question, with its name; raises `NodeFailure` for one that is not configured.

        Without a name: the one the model's name belongs to, else the first. With none configured at all, offline.
        """
        if name == OFFLINE or not self._configured:
            return OFFLINE, self._offline
        if name is None:
            claude = (model or "").startswith("claude") and "anthropic" in self._configured
            name = "anthropic" if claude else next(iter(self._configured))
        if name not in self._configured:
            known = " and ".join(self._configured)
            sentence = f"Provider {name!r} is not configured, {known} is; set HEADRACE_{name.upper()}_API_KEY."
            raise NodeFailure("permanent", "provider_not_configured", sentence)
        return name, self._configured[name]

    async def close(self) -> None:
        """Let go of every connection."""
        for provider in self._configured.values():
            await provider.close()
