"""The program of the process that holds llama.cpp. `llama.LlamaProcess` runs this file; nothing imports it.

Standard library and xllamacpp only, so that it starts quickly. It reads one line of JSON from standard input
(what to load), answers one on standard output ({"address": ...} or {"error": ...}), and leaves when its input
ends: so it never outlives its parent, however that one dies.
"""

import json
import os
import signal
import sys
from typing import Any


def main() -> int:
    """Load, say where it listens, wait for the end of the input. Returns the exit status."""
    say = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # Whatever the library may print is not part of the conversation.
    launch = json.loads(sys.stdin.buffer.readline())
    _leave_signals_to_the_parent()
    try:
        server = _load(launch)
    except (ImportError, RuntimeError) as error:
        say.write(json.dumps({"error": str(error)}) + "\n")
        say.flush()
        return 1
    _leave_signals_to_the_parent()
    say.write(json.dumps({"address": server.listening_address}) + "\n")
    say.flush()
    sys.stdin.buffer.read()
    os._exit(0)  # Nothing here is worth a tidy end, and a tidy one would finish the batch in hand first.


def _leave_signals_to_the_parent() -> None:
    """Ctrl-C and a supervisor's SIGTERM reach this process too, but the parent may still be draining.

    Called again after loading, because llama.cpp's server installs handlers of its own.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _load(launch: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = launch["path"]
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 1.0) for path in launch["adapters"]]
    params.model_alias = {launch["name"]}
    params.n_parallel = launch["parallel"]
    params.n_ctx = launch["context"] * launch["parallel"]
    params.cpuparams.n_threads = launch["threads"]
    params.cpuparams_batch.n_threads = launch["threads"]
    params.n_threads_http = launch["connections"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [launch["key"]]
    params.offline = True
    params.ui = False
    params.endpoint_slots = False  # It would show other callers' prompts.
    params.endpoint_metrics = True
    params.cache_ram_mib = 0  # Else up to 8 GB of old prompts are kept.
    params.verbosity = -1
    return xllamacpp.Server(params)


if __name__ == "__main__":
    sys.exit(main())
