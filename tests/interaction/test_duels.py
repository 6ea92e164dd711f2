"""stepladder duel, leaderboard and eval-task, as they are typed."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.interaction.shell import CONFIG, Shell
from tests.models.upstream_double import completion

JUDGE = """
[models.judge]
kind = "chat"
base_url = "URL"
model = "m"
price_in = 1.0
price_out = 1.0
"""


class Judge(BaseHTTPRequestHandler):
    """Likes the answer with the most exclamation marks; where both have as many, the first."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"]
        one, other = text.split("FIRST ANSWER")[1].split("SECOND ANSWER")
        said = "second" if other.count("!") > one.count("!") else "first"
        reply = json.dumps(completion(said)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def judge():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Judge)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def test_pairs_are_judged_twice_and_a_liking_for_a_place_is_told(shell: Shell, judge, tmp_path):
    (tmp_path / "stepladder.toml").write_text(CONFIG + JUDGE.replace("URL", judge), encoding="utf-8")
    (tmp_path / "teacher.jsonl").write_text("", encoding="utf-8")
    marks = [("a!", "b"), ("a", "b!"), ("a", "b"), ("a!!", "b!")]
    write(tmp_path / "one.jsonl", [{"input": f"q{k}", "answer": one} for k, (one, _) in enumerate(marks)])
    write(tmp_path / "two.jsonl", [{"input": f"q{k}", "answer": two} for k, (_, two) in enumerate(marks)])
    write(
        tmp_path / "people.jsonl",
        [
            {"input": "q0", "verdict": "first"},
            {"input": "q1", "verdict": "second"},
            {"input": "q2", "verdict": "first"},
        ],
    )
    words = [
        "duel",
        "one.jsonl",
        "two.jsonl",
        "--out",
        "out.jsonl",
        "--model",
        "judge",
        "--people",
        "people.jsonl",
    ]
    assert shell(*words, "--json") == 0, shell.err
    told = json.loads(shell.out.splitlines()[-1])
    assert [told[key] for key in ("rows", "won", "lost", "drawn", "swayed", "people")] == [4, 2, 1, 1, 1, 3]
    assert told["agreement"] == pytest.approx(2 / 3)
    verdicts = [json.loads(line)["verdict"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert verdicts == ["first", "second", "equal", "first"]
    write(tmp_path / "three.jsonl", [{"input": "other", "answer": "x"}])
    assert shell("duel", "one.jsonl", "three.jsonl", "--out", "o", "--model", "judge", "--yes") == 2
    assert "share no question" in shell.err


def test_figures_are_kept_on_a_board_and_rows_become_tasks(shell: Shell, tmp_path):
    rows = [
        {"input": f"q{k}", "answer": "a long answer. It has two sentences." if k else "x"} for k in range(3)
    ]
    write(tmp_path / "gold.jsonl", rows)
    write(tmp_path / "said.jsonl", [{**row, "answer": "a long answer."} for row in rows])
    words = ["eval", "gold.jsonl", "--with", "said.jsonl", "--with", "gold.jsonl", "--kind", "text"]
    assert shell(*words, "--board", "board.jsonl", "--json") == 0, shell.err
    figures = json.loads(shell.out)["candidates"][1]["figures"]
    assert figures["bleu"] == pytest.approx(1)
    assert shell("leaderboard", "board.jsonl", "--html", "board.html") == 0
    assert shell.out.index("gold.jsonl") < shell.out.index("said.jsonl")
    assert "Leaderboard" in (tmp_path / "board.html").read_text(encoding="utf-8")
    assert shell("eval-task", "gold.jsonl", "--out", "tasks", "--to", "inspect") == 0
    assert (tmp_path / "tasks" / "gold.py").exists()
    assert shell("eval-task", "gold.jsonl", "--out", "tasks", "--to", "other") == 2
