"""Recipes: how a rung is made from a frozen dataset, with guesses on rows it had not seen.

A recipe writes its artefact into the folder it is given and says how far it got; when it runs, on what data, and
whether its result is good enough is decided elsewhere (`flywheel`, `promise`, `rollout`).
"""

from stepladder.training.encoder import EncoderFit, EncoderRecipe, EncoderSettings, fit_encoder
from stepladder.training.fast_text import FastTextFit, FastTextRecipe, FastTextSettings
from stepladder.training.few_shot import FewShotFit, FewShotRecipe, FewShotSettings
from stepladder.training.finetuned import FinetunedFit, FinetunedRecipe, FinetunedSettings
from stepladder.training.following import Following, Heard, hearing, unfollowed
from stepladder.training.linear import LinearFit, LinearRecipe, LinearSettings, fit_linear, hidden_guesses
from stepladder.training.neighbours import NeighboursFit, NeighboursRecipe, NeighboursSettings, fit_neighbours
from stepladder.training.pilot import Foretold, carried, foretell
from stepladder.training.points import Points
from stepladder.training.recipes import admit, fit, learned_rungs, load_rungs
from stepladder.training.reproduce import Reproduction, reproduce
from stepladder.training.router import RouterSettings, fit_router
from stepladder.training.stack import StackFit, StackRecipe, StackSettings, fit_stack
from stepladder.training.stream import StreamSettings, StreamStudent
from stepladder.training.studied import SPACES, language_space, rung_attempt, settings_of
from stepladder.training.study import Attempt, Choice, Pruned, Studied, Trial, study
from stepladder.training.tagger import TaggerFit, TaggerRecipe, TaggerSettings, fit_tagger
from stepladder.training.trees import TreesFit, TreesRecipe, TreesSettings, fit_trees

__all__ = [
    "SPACES",
    "Attempt",
    "Choice",
    "EncoderFit",
    "EncoderRecipe",
    "EncoderSettings",
    "FastTextFit",
    "FastTextRecipe",
    "FastTextSettings",
    "FewShotFit",
    "FewShotRecipe",
    "FewShotSettings",
    "FinetunedFit",
    "FinetunedRecipe",
    "FinetunedSettings",
    "Following",
    "Foretold",
    "Heard",
    "LinearFit",
    "LinearRecipe",
    "LinearSettings",
    "NeighboursFit",
    "NeighboursRecipe",
    "NeighboursSettings",
    "Points",
    "Pruned",
    "Reproduction",
    "RouterSettings",
    "StackFit",
    "StackRecipe",
    "StackSettings",
    "StreamSettings",
    "StreamStudent",
    "Studied",
    "TaggerFit",
    "TaggerRecipe",
    "TaggerSettings",
    "TreesFit",
    "TreesRecipe",
    "TreesSettings",
    "Trial",
    "admit",
    "carried",
    "fit",
    "fit_encoder",
    "fit_linear",
    "fit_neighbours",
    "fit_router",
    "fit_stack",
    "fit_tagger",
    "fit_trees",
    "foretell",
    "hearing",
    "hidden_guesses",
    "language_space",
    "learned_rungs",
    "load_rungs",
    "reproduce",
    "rung_attempt",
    "settings_of",
    "study",
    "unfollowed",
]
