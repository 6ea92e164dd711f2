"""Personal data in text: find it, mask it, put stable placeholders in its place and take them back out."""

from stepladder.privacy.find import find
from stepladder.privacy.finding import Finding, Kind

__all__ = ["Finding", "Kind", "find"]
