"""The ASGI application: the hot route straight to its endpoint, everything else through Starlette."""

from starlette.types import Receive, Scope, Send

from stepladder.interaction.admin import AdminPages
from stepladder.interaction.chat import ChatCompletions
from stepladder.interaction.compose import House
from stepladder.interaction.http import Pages, application
from stepladder.interaction.knowledge_pages import KnowledgePages

_HOT = "/v1/chat/completions"


class App:
    """What the server runs."""

    def __init__(self, house: House) -> None:
        self._chat = ChatCompletions(house.gateway, house.identify)
        self._rest = application(
            [*Pages(house).routes(), *AdminPages(house).routes(), *KnowledgePages(house).routes()]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["path"] == _HOT and scope["method"] == "POST":
            await self._chat(scope, receive, send)
        else:
            await self._rest(scope, receive, send)
