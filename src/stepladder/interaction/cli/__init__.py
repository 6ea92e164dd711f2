"""The command line. Every command imports its rooms when it runs, so that `--help` stays quick.

It knows words, tables and exit codes; what the commands do is done by the rooms below.
"""

from stepladder.interaction.cli.app import app, main

__all__ = ["app", "main"]
