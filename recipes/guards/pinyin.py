"""Write `safety/data/pinyin.txt`: the most frequent reading of every GB 2312 character, without its tone.

python -m recipes.guards.pinyin SOURCES
"""

import sys
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

HEAD = (
    "# Mandarin syllable without tone, then the GB 2312 characters read so (most frequent reading).\n"
    "# Made by recipes/guards/pinyin.py from pypinyin 0.55.0 (MIT, Copyright (c) mozillazg and contributors).\n"
)


def main(folder: Path, target: Path) -> None:
    """Make the file from the wheel in `folder`."""
    unpacked = tempfile.mkdtemp()
    zipfile.ZipFile(next(folder.glob("pypinyin-*.whl"))).extractall(unpacked)
    sys.path.insert(0, unpacked)
    from pypinyin import Style, pinyin

    by_syllable: dict[str, list[str]] = defaultdict(list)
    for code in range(0xB0A1, 0xF7FF):
        try:
            character = code.to_bytes(2, "big").decode("gb2312")
        except UnicodeDecodeError:
            continue
        syllable = pinyin(character, style=Style.NORMAL, v_to_u=False)[0][0]
        if syllable.isascii() and syllable:
            by_syllable[syllable].append(character)
    lines = (f"{syllable} {''.join(characters)}\n" for syllable, characters in sorted(by_syllable.items()))
    target.write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path("src/stepladder/safety/data/pinyin.txt"))
