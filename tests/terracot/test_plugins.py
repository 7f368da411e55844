"""Loading models: whatever a stranger's file does, the user reads one line that names it, and no traceback."""

import pytest

from terracot.plugins import ModelError, load_model

BROKEN = {
    "Value": ("raise ValueError('no weights')", "ValueError: no weights"),
    "Type": ("raise TypeError('inside')", "TypeError: inside"),
    "Exit": ("raise SystemExit(0)", "SystemExit: 0"),
    "Lines": ("raise RuntimeError('one\\n\\ntwo')", "RuntimeError: one two"),
    "Empty": ("assert False", "AssertionError"),
    "Mute": ("raise Mute_()", "Mute_: its message cannot be shown"),
}
HEAD = "class Mute_(Exception):\n    def __str__(self): raise RuntimeError('no text')\n"


@pytest.mark.parametrize("name", BROKEN)
def test_a_model_that_raises_while_it_is_built_is_one_line(tmp_path, name):
    statement, expected = BROKEN[name]
    (tmp_path / "broken.py").write_text(f"{HEAD}class {name}:\n    def __init__(self):\n        {statement}\n")
    with pytest.raises(ModelError) as caught:
        load_model(f"{tmp_path / 'broken.py'}:{name}")
    message = str(caught.value)
    assert f"broken.py:{name} could not be built" in message
    assert expected in message
    assert "\n" not in message
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit", "SystemExit"),
        (f"{HEAD}raise Mute_()", "Mute_: its message cannot be shown"),
        ("\x00", "SyntaxError|ValueError"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_line(tmp_path, content, expected):
    (tmp_path / "unready.py").write_text(content)
    with pytest.raises(ModelError, match=rf"unready.py cannot be imported: (?:{expected})") as caught:
        load_model(f"{tmp_path / 'unready.py'}:Model")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


def test_arguments_that_do_not_fit_are_not_taken_for_a_fault_inside_the_model(tmp_path):
    (tmp_path / "fine.py").write_text(
        "class M:\n    def __init__(self, size=1): pass\n    def respond(self, p): return []\n"
    )
    with pytest.raises(ModelError, match=r"does not take these arguments .*'sise'"):
        load_model(f"{tmp_path / 'fine.py'}:M", {"sise": 2})
    load_model(f"{tmp_path / 'fine.py'}:M", {"size": 2})
