"""Language models: trained and aligned in a process of their own by TRL, PEFT and transformers, merged, and written as GGUF.

The library torch never enters the process that asked: a `Job` in a folder says what to train, `train` follows the process
that does it, starts it again where it dies, and tells what happens. What the rows mean is not known here.
"""

from stepladder.training.language.checkpoints import newest_whole, seal
from stepladder.training.language.estimate import (
    Estimate,
    Shape,
    estimate,
    machine_speed,
    memory_here,
    tokens_of,
)
from stepladder.training.language.interval import best_interval, expected_goodput
from stepladder.training.language.job import Job, LanguageSettings
from stepladder.training.language.measure import Measured, merged, packed
from stepladder.training.language.methods import METHODS, Method, MethodSettings, method_of
from stepladder.training.language.process import Event, Made, Tell, compress, operate, require, train
from stepladder.training.language.recipe import LoraRecipe, SftRecipe
from stepladder.training.language.rows import read_rows, write_lines
from stepladder.training.language.shrink import Gate, Shrunk, shrink
from stepladder.training.language.surprise import Surprised, surprise
from stepladder.training.language.tried import language_attempt
from stepladder.training.language.watch import Advice, Watch
from stepladder.training.language.weights import writes

__all__ = [
    "METHODS",
    "Advice",
    "Estimate",
    "Event",
    "Gate",
    "Job",
    "LanguageSettings",
    "LoraRecipe",
    "Made",
    "Measured",
    "Method",
    "MethodSettings",
    "SftRecipe",
    "Shape",
    "Shrunk",
    "Surprised",
    "Tell",
    "Watch",
    "best_interval",
    "compress",
    "estimate",
    "expected_goodput",
    "language_attempt",
    "machine_speed",
    "memory_here",
    "merged",
    "method_of",
    "newest_whole",
    "operate",
    "packed",
    "read_rows",
    "require",
    "seal",
    "shrink",
    "surprise",
    "tokens_of",
    "train",
    "write_lines",
    "writes",
]
