"""A program: reads one file with kreuzberg and prints {"text", "reason"}. Started by `extraction`, alone and bounded."""

import json
import sys
from contextlib import suppress
from typing import Any

_MIME = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}


def main(path: str, kind: str, memory: str, most: str) -> None:
    """Read the file and print the answer."""
    with suppress(ImportError):  # where there is no such module, the parent's limit on time is all there is
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    import kreuzberg

    options: dict[str, Any] = {"output_format": "markdown", "disable_ocr": True, "use_cache": False}
    settings = kreuzberg.ExtractionConfig(**options)
    try:
        found = kreuzberg.extract_file_sync(path, _MIME[kind], config=settings)
        text, reason = found.content, ""
    except kreuzberg.KreuzbergError as error:
        text, reason = "", " ".join(str(error).split()).removeprefix("ParsingError: ")[:300]
    if len(text.encode()) > int(most):
        text, reason = "", f"more than {int(most) >> 20} MB of text"
    json.dump({"text": text, "reason": reason}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
