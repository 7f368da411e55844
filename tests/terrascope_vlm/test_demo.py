"""The server of ``terrascope-vlm demo``: who is answered, what is opened, what is streamed."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from faces import QUESTION, REPLY, dictate, picture, sentinel_1, sentinel_2
from terrascope_vlm.demo.examples import QUESTIONS, examples
from terrascope_vlm.demo.server import Server
from terrascope_vlm.demo.session import KEPT_FILES

from terracot.masks import decode

pytest.importorskip("torch")


class Visitor:
    """Talks to a server as a browser would, or as somebody else would."""

    def __init__(self, server: Server) -> None:
        self.server, self.at = server, urlsplit(server.url)

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON (or text) and headers of an answer; ``path`` without a slash before it is below the secret."""
        line = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=30)
        line.request(method, path if path.startswith("/") else self.at.path + path, body, dict(headers or {}))
        answer = line.getresponse()
        text = answer.read().decode()
        line.close()
        found = json.loads(text) if answer.headers["Content-Type"].startswith("application/json") else text
        return answer.status, found, answer.headers

    def post(self, path: str, value: Any) -> Any:
        """The JSON of an answer, or the lines of a stream."""
        status, found, _ = self.ask("POST", path, json.dumps(value))
        assert status == 200, found
        return [json.loads(part) for part in found.splitlines()] if isinstance(found, str) else found

    def refused(self, path: str, value: Any) -> str:
        """The words of an error."""
        status, found, _ = self.ask("POST", path, json.dumps(value))
        assert status == 400
        assert "Traceback" not in found["error"]
        return found["error"]

    def upload(self, path: Path) -> str:
        status, found, _ = self.ask("POST", f"upload?name={path.name}", path.read_bytes())
        assert status == 200, found
        return found["file"]


@pytest.fixture
def visitor(server: Server) -> Visitor:
    return Visitor(server)


# --- who is answered ------------------------------------------------------------------------------------------------


def test_it_listens_on_this_machine_alone_and_its_address_holds_a_secret(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert len(server.token) >= 32
    assert server.url == f"http://127.0.0.1:{server.server_port}/{server.token}/"


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong/about", "/about", "//about", "/../about", "//[/about"])
def test_without_the_secret_nothing_is_answered(visitor: Visitor, path: str) -> None:
    for method in ("GET", "POST"):
        status, found, _ = visitor.ask(method, path, "{}" if method == "POST" else None)
        assert (status, list(found)) == (404, ["error"])


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost", "127.0.0.1:1", ""])
def test_rebound_name_is_refused(visitor: Visitor, host: str) -> None:
    status, found, _ = visitor.ask("GET", "about", headers={"Host": host})
    assert (status, found) == (403, {"error": "this server answers to its own address only"})


def test_localhost_is_its_name_too(visitor: Visitor) -> None:
    assert visitor.ask("GET", "about", headers={"Host": f"localhost:{visitor.server.server_port}"})[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"])
def test_script_of_another_site_is_refused(visitor: Visitor, origin: str) -> None:
    status, found, _ = visitor.ask("POST", "open", '{"example": 0}', {"Origin": origin})
    assert (status, found) == (403, {"error": "this server answers its own page only"})
    own = visitor.server.url.rpartition(f"/{visitor.server.token}/")[0]
    assert visitor.ask("POST", "open", '{"example": 0}', {"Origin": own})[0] == 200


def test_page_may_load_nothing_from_elsewhere_and_tell_nobody_its_address(visitor: Visitor) -> None:
    for path in ("", "style.css", "page.js", "about"):
        status, _, headers = visitor.ask("GET", path)
        assert status == 200
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Python" not in headers["Server"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Length": str(2**40)}, 413), ({"Content-Length": "-1"}, 411), ({"Content-Length": "x"}, 411)],
)
@pytest.mark.parametrize("path", ["upload?name=a.tif", "ask"])
def test_size_is_checked_before_anything_is_read(
    visitor: Visitor, path: str, headers: Mapping[str, str], status: int
) -> None:
    assert visitor.ask("POST", path, b"", headers)[0] == status


@pytest.mark.parametrize("body", ["", "[]", "nonsense", "\xff"])
def test_what_is_no_request_is_refused_in_words(visitor: Visitor, body: str) -> None:
    status, found, _ = visitor.ask("POST", "open", body.encode("latin-1"))
    assert (status, found) == (400, {"error": "expected a JSON object"})


def test_other_methods_get_no_page_of_html(visitor: Visitor) -> None:
    status, found, headers = visitor.ask("DELETE", "about")
    assert status == 501
    assert headers["Content-Type"].startswith("text/plain")
    assert "<" not in found


def test_taken_port_is_told(server: Server) -> None:
    with pytest.raises(ValueError, match=f"port {server.server_port} cannot be used .* choose another with --port"):
        Server(server.session, server.server_port)


# --- what is opened -------------------------------------------------------------------------------------------------


def test_example_is_opened_with_its_questions_but_not_their_answers(visitor: Visitor) -> None:
    (listed,) = visitor.ask("GET", "examples")[1]["examples"]
    assert (listed["title"], listed["shows"]) == ("By hand", "2 dates, optical")
    scene = visitor.post("open", {"example": 0})
    assert scene["synthetic"]
    assert [frame["t"] for frame in scene["frames"]] == [1, 2]
    assert scene["questions"] == [{"question": "How much water?", "options": ["1 ha", "2 ha"]}]


def test_pair_of_geotiffs_is_opened(visitor: Visitor, tmp_path: Path) -> None:
    optical, sar = (
        visitor.upload(make(tmp_path / name)) for make, name in ((sentinel_2, "o.tif"), (sentinel_1, "s.tif"))
    )
    images = [{"file": optical, "sar": False, "t": 1}, {"file": sar, "sar": True, "t": 1}]
    assert "nothing says what they mean" in visitor.refused("open", {"images": images})
    scene = visitor.post("open", {"images": images, "image_options": {"unit": "reflectance", "scale": "0.0001"}})
    assert [(frame["modality"], frame["title"]) for frame in scene["frames"]] == [
        ("multispectral", "o.tif · multispectral"),
        ("sar", "s.tif · sar"),
    ]
    assert "10 m down, 10 m across, measured" in scene["ground"]
    assert not scene["synthetic"]


def test_errors_of_files_name_them_and_no_path(visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_text("no image")
    said = visitor.refused("open", {"images": [{"file": visitor.upload(tmp_path / "a.tif"), "t": 1}]})
    assert said == "a.tif is no image that can be read; expected a GeoTIFF, PNG or JPEG"
    cut = picture(tmp_path / "cut.png", side=128)
    cut.write_bytes(cut.read_bytes()[:500])
    said = visitor.refused("open", {"images": [{"file": visitor.upload(cut), "t": 1}]})
    assert said.startswith("cut.png cannot be read as a PNG")
    assert str(tmp_path) not in said


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"images": []}, "at least one image"),
        ({"images": "x"}, "expected a list"),
        ({"images": [1]}, "load the page again"),
        ({"images": [{"file": "../../secret", "t": 1}]}, "a file is not here any more"),
        ({"example": 1}, "from 0 to 0"),
        ({"example": "0"}, "expected a whole number"),
    ],
)
def test_scene_that_cannot_be_is_refused(visitor: Visitor, asked: Mapping[str, Any], words: str) -> None:
    assert words in visitor.refused("open", asked)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"gsd": "wide"}, "expected a number above 0, found 'wide'"),
        ({"gsd": "-1"}, "expected a number above 0"),
        ({"gsd": "nan"}, "expected a number above 0"),
        ({"window": "1 2 3"}, "expected row, column, height and width"),
        ({"window": "0 0 99 99"}, "does not lie in it"),
        ({"image_options": {"unit": "dB"}}, "bands and units are of GeoTIFF"),
        ({"image_options": []}, None),
        ({"image_options": [1]}, "names and values"),
        ({"gsd": "0.5", "window": "4, 4, 16, 16"}, None),
    ],
)
def test_fields_of_the_page_are_checked(
    visitor: Visitor, tmp_path: Path, typed: Mapping[str, Any], words: str | None
) -> None:
    asked = {"images": [{"file": visitor.upload(picture(tmp_path / "a.png")), "t": 1}], **typed}
    if words is None:
        visitor.post("open", asked)
    else:
        assert words in visitor.refused("open", asked)


def test_old_files_are_let_go_of(visitor: Visitor, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    first = visitor.upload(path)
    last = [visitor.upload(path) for _ in range(KEPT_FILES)][-1]
    assert len(list((tmp_path / "kept").iterdir())) == KEPT_FILES
    assert "drop it again" in visitor.refused("open", {"images": [{"file": first, "t": 1}]})
    visitor.post("open", {"images": [{"file": last, "t": 1}]})


def test_file_that_breaks_off_is_not_kept(visitor: Visitor, tmp_path: Path) -> None:
    line = http.client.HTTPConnection("127.0.0.1", visitor.server.server_port, timeout=30)
    line.putrequest("POST", f"{visitor.at.path}upload?name=a.png")
    line.putheader("Content-Length", "1000")
    line.endheaders(b"short")
    line.sock.shutdown(1)
    assert b"broke off" in line.getresponse().read()
    assert list((tmp_path / "kept").iterdir()) == []


# --- what is streamed -----------------------------------------------------------------------------------------------


def test_words_and_masks_come_in_their_order(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, REPLY)
    scene = visitor.post("open", {"example": 0})["scene"]
    events = visitor.post("ask", {"scene": scene, "question": QUESTION["question"], "options": QUESTION["options"]})
    assert events[0] == {"started": True}
    assert "".join(event.get("wrote", "") for event in events) == REPLY
    before, drawn = "", []
    for event in events:
        before += event.get("wrote", "")
        if "drew" in event:
            drawn.append(event["drew"])
            assert before.count("[SEG]") == len(drawn)
    assert [(d["number"], d["t"], d["name"]) for d in drawn] == [(1, 1, "water"), (2, 2, "tree cover")]
    assert decode(drawn[0]["rle"], (32, 32)).sum() == drawn[0]["pixels"]
    done = events[-1]["done"]
    assert (done["line"], done["truth"], done["ended"]) == ("B: 2 ha", "A: 1 ha", "end")
    assert done["regions"] == drawn


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"scene": "99", "question": "?"}, "the images are not open any more"),
        ({"question": " "}, "the question is empty"),
        ({"question": "?", "options": ["one"]}, "one option is no choice"),
        ({"question": "x" * 2001}, "at most 2000 characters"),
        ({"question": 7}, "expected a text"),
        ({"question": "?", "options": [1, 2]}, "expected a text"),
    ],
)
def test_question_that_cannot_be_is_refused(visitor: Visitor, asked: Mapping[str, Any], words: str) -> None:
    scene = visitor.post("open", {"example": 0})["scene"]
    (event,) = visitor.post("ask", {"scene": scene, **asked})
    assert words in event["error"]


def test_failure_of_the_model_is_told_in_words(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr("terrascope_vlm.generation.reason", broken)
    scene = visitor.post("open", {"example": 0})["scene"]
    events = visitor.post("ask", {"scene": scene, "question": "?"})
    assert events[-1] == {"error": "it failed: RuntimeError: out of memory"}


def test_question_waits_for_the_one_before(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    dictate(monkeypatch, "yes")
    monkeypatch.setattr("terrascope_vlm.demo.session.WAIT_S", 0.02)
    scene = visitor.post("open", {"example": 0})["scene"]
    found: list[Any] = []
    asking = threading.Thread(target=lambda: found.extend(visitor.post("ask", {"scene": scene, "question": "?"})))
    lock = visitor.server.session._lock
    with lock:
        asking.start()
        asking.join(0.3)
        assert asking.is_alive()
    asking.join(30)
    assert {"waiting": True} in found
    assert found[-1]["done"]["reply"] == "yes"


def test_page_that_goes_away_ends_the_answer(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    given = dictate(monkeypatch, "word " * 140)
    scene = visitor.post("open", {"example": 0})["scene"]
    line = http.client.HTTPConnection("127.0.0.1", visitor.server.server_port, timeout=30)
    line.request("POST", f"{visitor.at.path}ask", json.dumps({"scene": scene, "question": "?"}))
    answer = line.getresponse()
    answer.readline()
    answer.close()
    line.close()
    lock = visitor.server.session._lock
    assert lock.acquire(timeout=30)
    lock.release()
    (script,) = given
    assert len(script.logits[0]) < len(script.ids[0])
    dictate(monkeypatch, "yes")
    assert visitor.post("ask", {"scene": scene, "question": "?"})[-1]["done"]["reply"] == "yes"


def test_examples_are_synthetic_scenes_with_true_answers() -> None:
    made = examples()
    assert len(made) == len({example.title for example in made}) == 5
    by_title = {example.title: example for example in made}
    assert {str(frame.modality) for frame in by_title["Land cover by radar alone"].prompt.frames} == {"sar"}
    assert max(frame.t for frame in by_title["Several dates"].prompt.frames) >= 3
    for example in made:
        assert example.prompt.id.startswith("procedural-")
        assert 1 <= len(example.questions) <= QUESTIONS
        assert example.prompt.ground.known
        for one in example.questions:
            assert one["answer"].partition(": ")[2] in one["options"] if one["options"] else one["answer"]
