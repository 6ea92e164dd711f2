"""The rows that the guards are taught with.

Ours (`seeds/`, spread out by `templates`) and others' (`sources`). Cross-validation hides all rows of a seed together.
"""

import base64
from collections.abc import Sequence
from hashlib import blake2b
from random import Random

from recipes.guards.sources import Sources
from recipes.guards.templates import Row, asked, attacks, grammar, harmless, harms

SEED = 20261121
FOLDS = 4


def ours(kind: str) -> list[Row]:
    """Return the rows of `kind` ("attacks" or "harm") that come from our seeds alone."""
    rng = Random(SEED)
    safe = [row for language in ("zh", "en") for row in harmless(language, rng, each=10)]
    made = [row for language in ("zh", "en") for row in grammar(language, rng, each=80)]
    safe += [row for row in made if row.label == "safe"]
    if kind == "attacks":
        return safe + [row for language in ("zh", "en") for row in attacks(language, rng, each=40)]
    harmful = [row for language in ("zh", "en") for row in harms(language, rng, each=9)]
    return safe + harmful + [row for row in made if row.label != "safe"]


def digest(rows: Sequence[Row]) -> str:
    """Name rows by their content."""
    joined = "\0".join(f"{row.text}\1{row.label}" for row in rows)
    return blake2b(joined.encode("utf-8", "replace"), digest_size=8).hexdigest()


def corpus(kind: str, sources: Sources) -> list[Row]:
    """Return our rows and others', without doubles."""
    rows = ours(kind) + _background(sources) + _asked(sources)
    rows += _others_attacks(sources) if kind == "attacks" else _others_harm(sources)
    return list({row.text: row for row in rows}.values())


def fold_of(row: Row) -> int:
    """Return which of the folds hides the row: rows of one seed are hidden together."""
    return blake2b(row.group.encode(), digest_size=2).digest()[0] % FOLDS


def _background(sources: Sources) -> list[Row]:
    """Harmless texts that nobody wrote for a guard: news, reviews, tweets; also several together, as documents are."""
    rng = Random(SEED + 1)
    chinese = {"news": sources.newspaper(), "reviews": sources.reviews()}
    rows: list[Row] = []
    for language, parts in (("zh", chinese), ("en", sources.english())):
        for kind, texts in parts.items():
            chosen = [text for text in rng.sample(texts, min(len(texts), 3500)) if len(text) > 4]
            rows += [Row(text[:1500], "safe", language, f"{kind}:{i}") for i, text in enumerate(chosen)]
            glue = "" if language == "zh" else " "
            rows += [
                Row(
                    glue.join(texts[i : i + rng.randrange(3, 12)])[:2500],
                    "safe",
                    language,
                    f"{kind}:{i}:long",
                )
                for i in rng.sample(range(len(texts) - 12), 500)
            ]
    return rows + _coded(sources, rng)


def _coded(sources: Sources, rng: Random) -> list[Row]:
    """Harmless texts in code, harmless programs, and signs without sense."""
    texts = rng.sample(sources.english()["goods"] + sources.reviews(), 300)
    rows = [
        Row(f"{text[:30]} {base64.b64encode(text[:60].encode()).decode()}", "safe", "en", f"coded:{i}")
        for i, text in enumerate(texts[:100])
    ]
    rows += [
        Row(text.encode()[:40].hex(" "), "safe", "en", f"hex:{i}") for i, text in enumerate(texts[100:200])
    ]
    signs = ".-_*/\\|#=+<>[]{}()0123456789:;,!?~"
    runs = [
        " ".join(rng.choice(signs) * rng.randrange(1, 6) for _ in range(rng.randrange(1, 14)))
        for _ in range(400)
    ]
    rows += [Row(run, "safe", "en", f"signs:{i}") for i, run in enumerate(runs)]
    return rows + [Row(piece, "safe", "en", f"code:{i}") for i, piece in enumerate(sources.code()[:500])]


def _asked(sources: Sources) -> list[Row]:
    """Harmless questions about people, places and things that a newspaper names, and about what people do."""
    rows = grammar("zh", Random(SEED + 2), each=140, words=sources.names())
    ours = {row.group for row in grammar("zh", Random(SEED + 2), each=1)}
    named = [Row(r.text, r.label, r.language, f"asked:{r.group}") for r in rows if r.group not in ours]
    rng = Random(SEED + 3)
    done = [row for language, acts in sources.acts().items() for row in asked(acts, language, rng, each=4000)]
    return named + done


def _others_attacks(sources: Sources) -> list[Row]:
    wild = [Row(text[:2500], "jailbreak", "en", f"wild:{i}") for i, text in enumerate(sources.jailbreaks())]
    personas = [
        Row(text[:2500], "jailbreak", "en", f"persona:{i}") for i, text in enumerate(sources.personas())
    ]
    asked = [Row(text, "extraction", "en", f"asked:{i}") for i, text in enumerate(sources.extraction())]
    return wild + personas + asked


def _others_harm(sources: Sources) -> list[Row]:
    return [Row(text, "other", "en", f"behaviour:{i}") for i, text in enumerate(sources.behaviours())]
