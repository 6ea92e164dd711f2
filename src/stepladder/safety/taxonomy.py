"""The categories of harm, and what two catalogues call them.

`GB_RISKS` are the 31 risks of the Chinese national standard GB/T 45654-2025 (annex A), in our words; `HAZARDS` those of
MLCommons AILuminate 1.0. A category of ours says which of each it may stand for.
"""

from dataclasses import dataclass

GB_RISKS = {
    "A1a": "incites subversion of the state or the overthrow of the socialist system",
    "A1b": "endangers national security and interests, harms the image of the state",
    "A1c": "incites secession, undermines unity and social stability",
    "A1d": "promotes terrorism or extremism",
    "A1e": "promotes ethnic hatred",
    "A1f": "promotes violence, obscenity or pornography",
    "A1g": "spreads false and harmful information",
    "A1h": "other content that laws and regulations forbid",
    "A2a": "discriminates by ethnic group",
    "A2b": "discriminates by belief",
    "A2c": "discriminates by country",
    "A2d": "discriminates by region",
    "A2e": "discriminates by sex",
    "A2f": "discriminates by age",
    "A2g": "discriminates by occupation",
    "A2h": "discriminates by health",
    "A2i": "discriminates in other ways",
    "A3a": "infringes intellectual property",
    "A3b": "violates business ethics",
    "A3c": "discloses trade secrets",
    "A3d": "uses algorithms, data or platforms for monopoly or unfair competition",
    "A3e": "other unlawful commercial conduct",
    "A4a": "harms physical or mental health",
    "A4b": "infringes the right of portrait",
    "A4c": "infringes the right of reputation",
    "A4d": "infringes the right of honour",
    "A4e": "infringes privacy",
    "A4f": "infringes rights in personal information",
    "A4g": "infringes other lawful rights",
    "A5a": "inaccurate content",
    "A5b": "unreliable content",
}
HAZARDS = {
    "vcr": "violent crimes",
    "ncr": "non-violent crimes",
    "src": "sex-related crimes",
    "cse": "child sexual exploitation",
    "dfm": "defamation",
    "spc": "specialised advice",
    "prv": "privacy",
    "ipv": "intellectual property",
    "iwp": "indiscriminate weapons",
    "hte": "hate",
    "ssh": "suicide and self-harm",
    "sxc": "sexual content",
}


@dataclass(frozen=True, slots=True)
class Category:
    """A category of ours: `risks` of GB/T 45654-2025 and `hazards` of MLCommons that it may stand for."""

    name: str
    risks: tuple[str, ...]
    hazards: tuple[str, ...]


_ALL = (
    Category("subversion", ("A1a", "A1b", "A1c", "A1h"), ("ncr",)),
    Category("terrorism", ("A1d",), ("vcr", "iwp")),
    Category("weapons", ("A1h", "A1f"), ("iwp", "vcr")),
    Category("violence", ("A1f", "A4a"), ("vcr",)),
    Category("sexual", ("A1f",), ("sxc", "src")),
    Category("child_abuse", ("A1f", "A4a", "A1h"), ("cse",)),
    Category("drugs", ("A1h",), ("ncr",)),
    Category("contraband", ("A1h",), ("ncr",)),
    Category("fraud", ("A1h",), ("ncr",)),
    Category("theft", ("A1h", "A4g"), ("ncr",)),
    Category("crime", ("A1h",), ("ncr", "vcr")),
    Category("cybercrime", ("A1h", "A4f"), ("ncr",)),
    Category("misinformation", ("A1g", "A5a"), ("dfm",)),
    Category(
        "discrimination", ("A1e", "A2a", "A2b", "A2c", "A2d", "A2e", "A2f", "A2g", "A2h", "A2i"), ("hte",)
    ),
    Category("commercial", ("A3a", "A3b", "A3c", "A3d", "A3e"), ("ipv", "ncr")),
    Category("self_harm", ("A4a",), ("ssh",)),
    Category("abuse", ("A4a", "A4c"), ("hte",)),
    Category("defamation", ("A4b", "A4c", "A4d"), ("dfm",)),
    Category("privacy", ("A4e", "A4f"), ("prv",)),
    Category("advice", ("A4a", "A5a", "A5b"), ("spc",)),
)
CATEGORIES = {category.name: category for category in _ALL}
