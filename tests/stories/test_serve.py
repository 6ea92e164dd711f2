"""`stepladder serve` from its first line to its last: the first start, what stops it from starting, its end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from stepladder.store import Store
from tests.product import Product, eventually, mood, recorded, write_config

ANSWERS = {"Fine day": "good", "Rain": "bad"}


def post(
    product: Product, path: str, body: dict, key: str | None = None, method: str = "POST"
) -> tuple[int, dict]:
    headers = {"authorization": f"Bearer {key or product.key}", "content-type": "application/json"}
    request = urllib.request.Request(product.root + path, json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def ask(product: Product, text: str = "Fine day", **more) -> tuple[int, dict]:
    messages = [{"role": "user", "content": text}]
    return post(product, "/v1/chat/completions", {"model": "mood", "messages": messages, **more})


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stepladder", "serve", *arguments]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=30, check=False)


def test_the_first_start_shows_the_admin_key_once_and_keeps_only_its_hash(tmp_path):
    product = Product(write_config(tmp_path, recorded(tmp_path, ANSWERS), mood()))
    with product:
        said = "\n".join(product.lines)
        assert re.search(r"http://127\.0\.0\.1:\d+/v1", said)
        assert str(tmp_path / "stepladder-data") in said and str(product.config) in said
        assert ask(product)[0] == 200
    assert product.process.returncode == 0
    key = product.key
    for file in (tmp_path / "stepladder-data").rglob("*"):
        assert not file.is_file() or key.encode() not in file.read_bytes()
    assert key not in product.log()
    with product:
        assert "Admin key" not in "\n".join(product.lines)
        assert ask(product)[0] == 200, "the key of the first start still opens"


def test_without_a_configuration_it_serves_this_machine_from_an_own_folder(tmp_path):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "stepladder", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        lines = []
        for line in run.stdout:
            lines.append(line)
            if line.startswith("Ready"):
                break
        said = "".join(lines)
        root = re.search(r"http://\S+(?=/v1)", said)[0]
        key = re.search(r"Admin key.*(sl-\S+)", said)[1]
        request = urllib.request.Request(f"{root}/v1/models", headers={"authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request) as response:
            listed = json.load(response)
        run.send_signal(signal.SIGTERM)
        assert run.wait(20) == 0, run.stderr.read()
    assert listed["object"] == "list"
    assert root.startswith("http://127.0.0.1:")
    assert (tmp_path / "stepladder-data" / "stepladder.db").exists()


def test_a_port_in_use_is_one_clear_line_and_exit_code_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood())
        ended = run("--config", str(config), "--port", str(port), cwd=tmp_path)
    assert ended.returncode == 2
    assert str(port) in ended.stderr and "--port 0" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_data_folder_without_rights_is_one_clear_line_and_exit_code_2(tmp_path):
    (tmp_path / "file").write_text("")
    config = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood(), server='data = "file/data"')
    ended = run("--config", str(config), cwd=tmp_path)
    assert ended.returncode == 2
    assert "file/data" in ended.stderr and "server.data" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_typo_in_the_configuration_names_the_nearest_key_and_exits_with_2(tmp_path):
    config = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood(more='mod = "ladder"'))
    ended = run("--config", str(config), cwd=tmp_path)
    assert ended.returncode == 2
    assert "tasks.mood.mod" in ended.stderr and "'mode'" in ended.stderr


def test_several_workers_that_cannot_start_end_with_2_too(tmp_path):
    config = write_config(tmp_path, recorded(tmp_path, {}), mood(), server="flywheel = false\nworkers = 2")
    ended = run("--config", str(config), cwd=tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert "holds no rows" in ended.stderr and "No worker can start" in ended.stderr
    assert "Ready" not in ended.stdout


def test_sigterm_lets_answers_under_way_finish(tmp_path):
    config = write_config(tmp_path, recorded(tmp_path, ANSWERS, delay_ms=700), mood())
    product = Product(config).start()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(ask(product)))
    asking.start()
    time.sleep(0.3)
    assert product.stop() == 0
    asking.join()
    assert answers[0][0] == 200
    store = Store.open(f"sqlite:///{tmp_path / 'stepladder-data' / 'stepladder.db'}")
    try:
        assert store.ledger.get(answers[0][1]["id"]).answer == "good"
    finally:
        store.close()


def test_a_question_that_outlasts_the_drain_is_told_so_and_recorded_as_partial(tmp_path):
    config = write_config(
        tmp_path,
        recorded(tmp_path, ANSWERS, delay_ms=60_000),
        mood(),
        server="flywheel = false\ndrain_seconds = 1",
    )
    product = Product(config).start()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(ask(product)))
    asking.start()
    time.sleep(0.3)
    assert product.stop() == 0
    asking.join()
    assert answers[0][0] == 503
    assert "stopping" in answers[0][1]["error"]["message"]
    store = Store.open(f"sqlite:///{tmp_path / 'stepladder-data' / 'stepladder.db'}")
    try:
        assert store.ledger.summary("mood").partial == 1
    finally:
        store.close()


def test_a_key_made_beside_the_running_server_opens_within_a_second_or_so(tmp_path):
    with Product(write_config(tmp_path, recorded(tmp_path, ANSWERS), mood())) as product:
        store = Store.open(f"sqlite:///{tmp_path / 'stepladder-data' / 'stepladder.db'}")
        secret = store.keys.create("shop")
        store.close()
        messages = [{"role": "user", "content": "Rain"}]
        body = {"model": "mood", "messages": messages}
        eventually(lambda: post(product, "/v1/chat/completions", body, key=secret)[0] == 200, 5)
        assert post(product, "/admin/tasks/mood/mode", {"mode": "top"}, key=secret)[0] == 403


def test_sighup_takes_a_new_configuration(tmp_path):
    config = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood())
    with Product(config) as product:
        config.write_text(config.read_text().replace("[tasks.mood]", "[tasks.renamed]"))
        product.process.send_signal(signal.SIGHUP)
        eventually(lambda: ask(product, model="renamed")[0] == 200, 10)
        assert ask(product)[0] == 404


def flywheels(server: int) -> list[int]:
    """The process ids of the server's children that turn the flywheel."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            line = (folder / "cmdline").read_text()
        except OSError:
            continue
        if parent == server and "stepladder.interaction.turn" in line:
            found.append(int(folder.name))
    return found


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Looks at processes through /proc.")
def test_the_flywheel_runs_niced_beside_the_server_and_ends_with_it(tmp_path):
    config = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood(), server="flywheel = true")
    product = Product(config).start()
    eventually(lambda: len(flywheels(product.process.pid)) == 1)
    (first,) = flywheels(product.process.pid)
    eventually(lambda: int(Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()[16]) == 10)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: flywheels(product.process.pid) not in ([], [first]))
    (second,) = flywheels(product.process.pid)
    assert product.stop() == 0
    assert not alive(second)
    product.start()
    eventually(lambda: len(flywheels(product.process.pid)) == 1)
    (third,) = flywheels(product.process.pid)
    product.kill()
    eventually(lambda: not alive(third))
