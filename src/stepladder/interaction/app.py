"""The ASGI application: the routes that answer straight to their endpoint, everything else through Starlette."""

from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from stepladder.interaction.admin import AdminPages
from stepladder.interaction.chat import ChatCompletions
from stepladder.interaction.compose import House
from stepladder.interaction.conversing import ConversationPages, ConversingShape
from stepladder.interaction.describing import DescribingPages
from stepladder.interaction.entering import EnteringPages
from stepladder.interaction.http import Pages, application
from stepladder.interaction.knowledge_pages import KnowledgePages
from stepladder.interaction.messages import MessagesShape
from stepladder.interaction.oidc_pages import OidcPages
from stepladder.interaction.request_pages import RequestPages
from stepladder.interaction.responses import ResponsesShape
from stepladder.interaction.reviewing import HeldPages, ReviewPages
from stepladder.interaction.shapes import ForwardedShape, Shape
from stepladder.interaction.subjects import SubjectPages
from stepladder.interaction.talking import ChatPages

FORWARDED = ("embeddings", "rerank", "completions", "moderations")


class App:
    """What the server runs."""

    def __init__(self, house: House) -> None:
        shapes: dict[str, Shape] = {
            "chat/completions": ConversingShape(house),
            "messages": MessagesShape(),
            "responses": ResponsesShape(house.store.ledger),
            **{route: ForwardedShape(route) for route in FORWARDED},
        }
        self._hot = {
            f"/v1/{route}": ChatCompletions(house.gateway, house.identify, shape)
            for route, shape in shapes.items()
        }
        self._rest = application(
            [
                *Pages(house).routes(),
                *EnteringPages(house).routes(),
                *DescribingPages(house, lambda: self.routes).routes(),
                *OidcPages(house).routes(),
                *ConversationPages(house).routes(),
                *AdminPages(house).routes(),
                *KnowledgePages(house).routes(),
                *SubjectPages(house).routes(),
                *RequestPages(house).routes(),
                *HeldPages(house).routes(),
                *ReviewPages(house).routes(),
                *ChatPages(house, self._hot["/v1/chat/completions"]).routes(),
            ]
        )

    @property
    def routes(self) -> list[BaseRoute]:
        """Every route but the hot ones."""
        return self._rest.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        endpoint = self._hot.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is not None and scope["method"] == "POST":
            await endpoint(scope, receive, send)
        else:
            await self._rest(scope, receive, send)
