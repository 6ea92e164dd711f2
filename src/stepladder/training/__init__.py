"""Recipes: how a rung is made from a frozen dataset, with guesses on rows it had not seen.

A recipe writes its artefact into the folder it is given and says how far it got; when it runs, on what data, and
whether its result is good enough is decided elsewhere (`flywheel`, `promise`, `rollout`).
"""

from stepladder.training.linear import LinearFit, LinearRecipe, LinearSettings, fit_linear
from stepladder.training.recipes import admit, fit, learned_rungs, load_rungs
from stepladder.training.router import Router, RouterSettings, fit_router
from stepladder.training.stream import StreamSettings, StreamStudent

__all__ = [
    "LinearFit",
    "LinearRecipe",
    "LinearSettings",
    "Router",
    "RouterSettings",
    "StreamSettings",
    "StreamStudent",
    "admit",
    "fit",
    "fit_linear",
    "fit_router",
    "learned_rungs",
    "load_rungs",
]
