"""How good a candidate is: what it would save under the task's promise, and whether finding out is worth its price.

It judges from numbers that exist (out-of-fold guesses, outcomes in the ledger) and decides nothing about service.
"""

from stepladder.evaluation.judge import Judgement, Outlook, judge, stream, worth_more

__all__ = ["Judgement", "Outlook", "judge", "stream", "worth_more"]
