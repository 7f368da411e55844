"""Rewriting by a real HTTP server: only words change, a second run asks nothing, a bad server costs nothing."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from terracot.chat import Chat, ChatError
from terracot.cli import main
from terracot.io import read_json
from terracot.rewriting import PROMPT_ID, refusal
from terracot.shards import read_rows
from terracot.verify import verify

Answer = Callable[[dict[str, Any]], tuple[int, bytes]]


class Server:
    """An OpenAI-compatible server of this test: ``answer`` gives status and body; every request is kept."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.answer: Answer = lambda body: completion(polite(body))
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(body)
                outer.keys.append(self.headers.get("Authorization"))
                status, data = outer.answer(body)
                self.send_response(status if self.path == "/v1/chat/completions" else 404)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/v1"
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.httpd.shutdown()
    one.httpd.server_close()


def completion(text: str) -> tuple[int, bytes]:
    reply = {"model": "tiny-1", "system_fingerprint": "fp_7", "choices": [{"message": {"content": text}}]}
    return 200, json.dumps(reply).encode()


def given(body: dict[str, Any]) -> dict[str, Any]:
    return json.loads(body["messages"][-1]["content"])


def polite(body: dict[str, Any]) -> str:
    """The same sentences with a word before them: a rewrite that may be taken."""
    asked = given(body)
    steps = [
        f"Well: {step[0].lower()}{step[1:]}" if not step.endswith(":") else f"Now, {step}" for step in asked["steps"]
    ]
    return json.dumps({"question": f"Please tell: {asked['question']}", "steps": steps})


def changed(pattern: str, by: str) -> Answer:
    """A server that changes the first step that the pattern is found in."""

    def answer(body: dict[str, Any]) -> tuple[int, bytes]:
        asked = given(body)
        for n, step in enumerate(asked["steps"]):
            if re.search(pattern, step):
                asked["steps"][n] = re.sub(pattern, by, step, count=1)
                break
        return completion(json.dumps(asked))

    return answer


def generate(server: Server, tmp_path: Path, name: str = "out", cache: str = "cache") -> tuple[int, Path]:
    out = tmp_path / name
    arguments = ["generate", "procedural", "{scenes: 6, size: 64}", "--levels", "l1", "--out", str(out), "--quiet"]
    asked = ["--rewriter", server.url, "--rewriter-model", "tiny", "--rewriter-cache", str(tmp_path / cache)]
    return main([*arguments, *asked]), out


def test_reworded_rows_keep_numbers_masks_and_answers_and_verify(server: Server, tmp_path: Path):
    code, out = generate(server, tmp_path)
    assert code == 0
    rows = list(read_rows(out, "samples"))
    counts = read_json(out / "manifest.json")["rewriting"]
    assert counts["rows"] == {"reworded": len(rows)}
    assert (counts["model"], counts["prompt_id"]) == ("tiny", PROMPT_ID)
    assert "Keep every number" in counts["prompt"]
    for row in rows:
        assert row["question"].startswith("Please tell: ")
        assert row["text"].count("[SEG]") == len(row["masks"])
        assert json.loads(row["rewriter"]) == {"model": "tiny-1", "prompt_id": PROMPT_ID, "revision": "fp_7"}
        assert row["template_id"] != row["id"]
    assert verify(out).problems == []


def test_a_second_run_asks_the_server_nothing(server: Server, tmp_path: Path):
    generate(server, tmp_path, "first")
    asked = len(server.requests)
    assert asked >= 6
    generate(server, tmp_path, "second")
    assert len(server.requests) == asked
    first, second = (list(read_rows(tmp_path / name, "samples")) for name in ("first", "second"))
    assert first == second


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (changed(r"\d[\d,.]*", "7"), "other_numbers"),
        (
            lambda body: completion(json.dumps({**given(body), "steps": given(body)["steps"][:-1]})),
            "other_number_of_steps",
        ),
        (changed(r"\.$", " [SEG]."), "marks_or_length"),
        (lambda body: completion("Sure! Here is the text."), "not_the_form_asked_for"),
        (lambda body: completion('{"question": 1, "steps": []}'), "not_the_form_asked_for"),
        (lambda body: completion("[" * 100_000), "not_the_form_asked_for"),
        (lambda body: (200, b"{}"), "no_reply"),
        (lambda body: (200, b"\xff\xfe no json"), "no_reply"),
        (lambda body: (400, b"too long"), "no_reply"),
    ],
)
def test_a_rewrite_that_changes_more_than_words_is_not_taken_and_is_counted(
    server: Server, tmp_path: Path, answer: Answer, fate: str
):
    server.answer = answer
    code, out = generate(server, tmp_path)
    assert code == 0
    counts = read_json(out / "manifest.json")["rewriting"]["rows"]
    assert counts[fate] >= 1
    assert all(row["template_id"] is None for row in read_rows(out, "samples")) == ("reworded" not in counts)
    assert verify(out).problems == []


def row_of(question: str, step: str, names: tuple[str, ...] = ("water", "open water")) -> dict[str, Any]:
    values = [{"text": text, "unit": ""} for text in re.findall(r"\d+", step)]
    return {
        "question": question,
        "values": [],
        "masks": [{"class_name": name} for name in names],
        "steps": [{"kind": "say", "text": step, "values": values}],
    }


@pytest.mark.parametrize(
    ("step", "other"),
    [
        ("The water touches the open water.", "The water does not touch the open water."),
        ("The water is larger than the rest.", "The water is smaller than the rest."),
        ("It lies in the upper left part.", "It lies in the lower left part."),
        ("The water has 12 pixels of 10 m each.", "The water has 12 pixels of 10 km each."),
        ("The water has 12 pixels.", "The open water has 12 pixels."),
        ("The water has 12 pixels.", "The water has 12 pixels in twelve rows."),
        ("So the answer is option B.", "So the answer is option C."),
        ("There are 3 patches (corners connect).", "There are 3 patches."),
        ("At least 3 of 9 parts hold water.", "At most 3 of 9 parts hold water."),
        ("It grew before the first date.", "It grew after the first date."),
    ],
)
def test_a_rewrite_that_turns_the_meaning_is_refused(step: str, other: str):
    row = row_of("How much water is there?", step)
    if "10 m" in step:
        row["steps"][0]["values"] = [{"text": "12", "unit": "px"}, {"text": "10", "unit": "m"}]
    assert refusal(row, row["question"], [step]) == ""
    assert refusal(row, row["question"], [other]) != ""


def test_a_forged_reworded_row_is_found(server: Server, tmp_path: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from terracot.samples import SAMPLE_SCHEMA, content_id
    from terracot.stated import text_form

    _, out = generate(server, tmp_path)
    path = out / "data" / "samples-00000.parquet"
    rows = pq.read_table(path).to_pylist()
    rows[0]["question"] = rows[0]["question"].replace("Please tell", "Do not tell")
    dates = [mask["t"] for mask in rows[0]["masks"]]
    rows[0]["text"] = text_form(rows[0]["kind"], rows[0]["steps"], dates, rows[0]["dates"], rows[0]["answer"])
    rows[0]["id"] = content_id(rows[0])
    pq.write_table(pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA), path)
    assert any("other_meaning" in problem for problem in verify(out).problems)


def test_a_dead_server_is_one_clear_error_and_nothing_is_lost(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.answer = lambda body: (503, b"busy")
    code, out = generate(server, tmp_path)
    assert code == 2
    error = capsys.readouterr().err
    assert "status 503, 4 times" in error
    assert error.count("\n") == 1
    server.answer = lambda body: completion(polite(body))
    assert generate(server, tmp_path)[0] == 0
    assert verify(out).problems == []


def test_an_unknown_model_is_not_asked_again_and_again(server: Server):
    server.answer = lambda body: (404, b"no such model")
    with pytest.raises(ChatError, match="404 to model 'gone'"):
        Chat(server.url, "gone").ask([{"role": "user", "content": "hello"}])
    assert len(server.requests) == 1


def test_the_key_goes_to_the_server_and_nowhere_else(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret-of-this-test")
    _, out = generate(server, tmp_path)
    assert set(server.keys) == {"Bearer secret-of-this-test"}
    written = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(written) > 10
    assert not any(b"secret-of-this-test" in path.read_bytes() for path in written)
    assert out.exists()


def test_a_torn_cache_file_is_asked_for_again(server: Server, tmp_path: Path):
    chat = Chat(server.url, "tiny", str(tmp_path / "cache"))
    messages = [{"role": "user", "content": json.dumps({"question": "Why?", "steps": ["So."]})}]
    first = chat.ask(messages)
    [kept] = (tmp_path / "cache").rglob("*.json")
    kept.write_text("{torn")
    assert chat.ask(messages) == first
    assert len(server.requests) == 2


@pytest.mark.parametrize("url", ["localhost:8000", "file:///etc/passwd", "http://user:pass@host/v1", ""])
def test_an_address_that_is_none_is_refused(url: str):
    with pytest.raises(ChatError, match="address"):
        Chat(url, "tiny")


@pytest.mark.parametrize(
    "arguments", [["--rewriter", "http://127.0.0.1:1/v1"], ["--rewriter-model", "x"], ["--rewriter-cache", "c"]]
)
def test_address_and_model_come_together(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]):
    assert main(["generate", "procedural", "default", "--out", str(tmp_path / "o"), *arguments]) == 2
    assert "--rewriter URL" in capsys.readouterr().err


def test_reworded_rows_of_every_level_pass_verify(server: Server, tmp_path: Path):
    out = tmp_path / "all"
    source = ["generate", "procedural", "{scenes: 16, size: 64}", "--levels", "refer,caption,l1,l2", "--mix", "all"]
    asked = ["--rewriter", server.url, "--rewriter-model", "tiny", "--rewriter-cache", str(tmp_path / "cache")]
    assert main([*source, "--out", str(out), "--quiet", *asked]) == 0
    told = {row["level"]: row["template_id"] for row in read_rows(out, "samples")}
    assert {"refer", "caption", "l1", "l2-spatial"} <= {level for level, template in told.items() if template}
    assert verify(out).problems == []


def test_a_reply_that_no_file_can_hold_leaves_the_template(server: Server, tmp_path: Path):
    server.answer = lambda body: completion("\ud800")
    code, out = generate(server, tmp_path)
    assert code == 0
    assert list(read_json(out / "manifest.json")["rewriting"]["rows"]) == ["no_reply"]


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999/v1", "ftp://host/v1", "http:///v1"])
def test_an_address_that_is_none_is_an_error_with_an_example(url: str):
    with pytest.raises(ChatError, match=r"such as http://127\.0\.0\.1:8000/v1; found"):
        Chat(url, "tiny")
