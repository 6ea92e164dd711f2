"""Documents that come by themselves: sites, feeds, folders and databases, visited again and again.

A visit takes in what is new or changed, and takes out what is gone; what a source showed last time is remembered beside
the documents, so that nothing is fetched or read twice. It knows collections and the network, and nothing of tasks.
"""

from stepladder.knowledge.sources.folder import Folder
from stepladder.knowledge.sources.keeping import Outcome, keep_up
from stepladder.knowledge.sources.opening import open_source
from stepladder.knowledge.sources.query import database_says
from stepladder.knowledge.sources.visiting import Seen, Source, Visit

__all__ = ["Folder", "Outcome", "Seen", "Source", "Visit", "database_says", "keep_up", "open_source"]
