"""Stepladder: put a large language model into production, then step it down."""

__version__ = "0.1.0"
