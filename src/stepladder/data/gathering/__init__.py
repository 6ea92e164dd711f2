"""Records from files, folders and databases, whatever their shape, as rows of one shape."""

from stepladder.data.gathering.run import Gathered, gather_rows
from stepladder.data.gathering.shapes import Reading, Row, Shape, rows_of
from stepladder.data.gathering.sources import Record, Source, database_source, file_sources
from stepladder.data.gathering.web import Crawl, web_source

__all__ = [
    "Crawl",
    "Gathered",
    "Reading",
    "Record",
    "Row",
    "Shape",
    "Source",
    "database_source",
    "file_sources",
    "gather_rows",
    "rows_of",
    "web_source",
]
