"""The command ``terrascope-vlm`` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from faces import dictate, picture, sentinel_1, sentinel_2
from PIL import Image
from terrascope_vlm.cli import main

REPLY = "<think>The water is here: [SEG].</think><answer>B</answer>"


def failed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said of wrong use: one line."""
    assert main(list(arguments)) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("Error: ")
    assert shown.err.count("\n") == 1
    return shown.err


def test_help_waits_for_nothing_heavy() -> None:
    code = (
        "import sys, terrascope_vlm.cli\n"
        "assert terrascope_vlm.cli.main(['--help']) == 0\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(found.stderr.split())
    assert "terrascope_vlm.cli" in loaded
    assert {"torch", "transformers", "numpy", "rasterio", "PIL", "terrascope_vlm.training"} & loaded == set()
    for command in ("ask", "demo", "train"):
        assert f"\n  {command} " in found.stdout


@pytest.mark.parametrize("command", [["ask"], ["demo"], ["train"], ["train", "stage1"], ["train", "stage2"]])
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    assert "Usage: terrascope-vlm" in capsys.readouterr().out


def test_without_torch_a_command_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('torch', 'transformers')))  # as if they were not installed\n"
        "from terrascope_vlm.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    asked = ["ask", str(picture(tmp_path / "a.png")), "How much?", "--checkpoint", "x"]
    for arguments in (asked, ["demo", "--no-browser"]):
        found = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
        assert found.returncode == 2
        assert found.stderr.startswith("Error: ")
        assert "pip install 'terrascope-bench[models]'" in found.stderr
        assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing argument"),
        (("How much?",), "no image was given"),
        (("a.png",), "a.png is a file; the question comes last"),
        (("a.png", "?", "--option", "1"), "give two to 10 --option TEXT, or none; found 1"),
        (("a.png", "?", "--out", "out.jpg"), "expected a name that ends in .png"),
        (("a.png", "?", "-o", "unit"), "-o takes NAME=VALUE"),
        (("a.png", "?", "--gsd", "0"), "--gsd"),
        (("gone.png", "?"), "gone.png cannot be read"),
        (("a.png", "?", "-o", "unit=dB"), "bands and units are of GeoTIFF"),
        (("a.png", "?", "--checkpoint", "nowhere"), "nowhere"),
        (("a.png", "?", "--model-args", "tiles=2"), "does not take these arguments"),
        (("a.png", "b.png", "?", "--date", "2021", "--date", "2020"), "order of time"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...],
    words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        picture(tmp_path / name)
    assert words in failed(capsys, "ask", *arguments)


@pytest.mark.e2e
def test_question_about_a_pair_is_answered_and_drawn(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dictate(monkeypatch, REPLY)
    out = tmp_path / "out.png"
    asked = [
        "ask", str(sentinel_2(tmp_path / "o.tif", side=48)), "How much water?", "--option", "1 ha", "--option", "2 ha",
        "--sar", str(sentinel_1(tmp_path / "s.tif", side=48)), "-o", "unit=reflectance", "-o", "scale=0.0001",
        "--window", "8", "8", "32", "32", "--checkpoint", str(checkpoint), "--model-args", "fusion=concat",
        "--out", str(out),
    ]  # fmt: skip
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "The water is here: [SEG 1]." in said
    assert "Answer: B: 2 ha" in said
    assert said.endswith(f"{out}\n")
    with Image.open(out) as drawn:
        assert drawn.size[0] > 3 * 384
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["option"], found["think"], found["ended"]) == ("B", "The water is here: [SEG].", "end")
    (region,) = found["regions"]
    assert (region["name"], region["rle"]["size"]) == ("water", [32, 32])
    assert region["area_m2"] == pytest.approx(100 * region["pixels"])
    assert found["model"]["fusion"] == "concat"
    assert found["picture"] == str(out)


@pytest.mark.e2e
def test_demo_prints_its_address_and_answers_there(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import terrascope_vlm.demo.server as served

    opened: list[str] = []
    pages: list[str] = []

    def visit(server: served.Server) -> None:
        """In the place of waiting for visitors: one visit, then Ctrl-C."""
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with urllib.request.urlopen(server.url, timeout=20) as page:
            pages.append(page.read().decode())
        thread.join()
        raise KeyboardInterrupt

    monkeypatch.setattr(served.Server, "serve_forever", visit)
    monkeypatch.setattr(served.webbrowser, "open", opened.append)
    assert main(["demo", "--checkpoint", str(checkpoint)]) == 0
    (url,) = opened
    said = capsys.readouterr().out.splitlines()
    assert said == [f"{url}  (Ctrl-C ends it)", "ended"]
    assert url.startswith("http://127.0.0.1:")
    assert "<title>TerraScope demo</title>" in pages[0]
    assert main(["demo", "--checkpoint", str(checkpoint), "--no-browser"]) == 0
    assert opened == [url]
