"""What commands show of other people's words and names is what they say, and does nothing to the terminal."""

import re
from pathlib import Path

import stepladder.interaction.cli.shown
from stepladder.interaction.cli.shown import plain


def test_tables_are_only_made_where_their_cells_are_no_markup():
    """A key, a purpose or a question called "[/x]" once made the journal and the review queue unreadable."""
    here = Path(stepladder.interaction.cli.shown.__file__)
    others = [file for file in here.parent.glob("*.py") if file != here]
    assert len(others) > 50
    assert [
        file.name for file in others if re.search(r"rich\.table|from rich import", file.read_text())
    ] == []


def test_what_would_steer_a_terminal_is_replaced():
    assert plain("a\x1b[31mb\x9bc\u202ed\r\n\t") == "a\ufffd[31mb\ufffdc\ufffdd\ufffd\n\ufffd"
    assert plain("[/x] 你好 😀") == "[/x] 你好 😀"


def test_names_that_look_like_markup_hide_no_table(shell):
    assert shell("key", "create", "[/k]") == 0
    assert shell("key", "list") == 0 and "[/k]" in shell.out
    assert shell("ledger", "show", "none", "--purpose", "[/why] [bold]x") == 2
    for words in (("audit", "list"), ("journal",), ("tenants",)):
        assert shell(*words) == 0, shell.err
    assert shell("audit", "list") == 0 and "[/why] [bold]x" in shell.out
