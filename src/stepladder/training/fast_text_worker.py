"""One training of fastText, in a process of its own: `python fast_text_worker.py FOLDER`, with terms.json and rows.txt there.

fastText 0.9.2 on one thread initialises a tenth of its matrix and takes the rest as the memory comes: zeros in a young
process, anything in one that has worked for a while, and then the weights run away.
"""

import json
import sys
from pathlib import Path

RAN_AWAY, NO_WORDS = 3, 4
"""Exit codes."""


def main(folder: Path) -> int:
    """Write model.bin; the exit code says how it went."""
    import fasttext

    terms = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
    try:
        model = fasttext.train_supervised(str(folder / "rows.txt"), thread=1, verbose=0, **terms["train"])
        model.f.predict(terms["ask"], 1, 0.0, "strict")  # a model of no use says so here
    except RuntimeError:
        return RAN_AWAY
    except ValueError:
        return NO_WORDS
    model.save_model(str(folder / "model.bin"))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
