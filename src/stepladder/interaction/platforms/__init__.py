"""Chat platforms: Slack and WeCom, as plug-ins, and what of them is open.

An adapter knows its platform's signatures, shapes and API, and nothing of tenants, guards or models: a question that it
reads goes through the same endpoint as everybody's (`stepladder.interaction.talking`).
"""

from stepladder.interaction.platforms.opened import Opened, Platforms, open_chat

__all__ = ["Opened", "Platforms", "open_chat"]
