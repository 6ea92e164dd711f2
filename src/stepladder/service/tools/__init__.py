"""Tools: OpenAPI documents, MCP servers and single endpoints as things that a model may have done for it.

A question gets hands (`QuestionHands`): the operations that its task and its tenant allow, behind the guards. It does
not know who asks a model, or what guards are made of.
"""

from stepladder.service.tools.box import OpenedTool, QuestionHands, Used, hands_of
from stepladder.service.tools.opened import OpenedTools

__all__ = ["OpenedTool", "OpenedTools", "QuestionHands", "Used", "hands_of"]
