"""README.md keeps its word: every SQL example in it is executed, and its output is what it shows.

The blocks marked `sql` are fed, in order, to one session of the sqlite3 shell in a folder where the sqlite3 shell
finds pictures (real ones, from Debian's palapeli-data). Comment lines after a statement are its expected output;
"-- ..." stands for lines that differ from machine to machine; "-- Error: TEXT" for an error that holds TEXT. Where
nothing is shown, only the absence of an error is checked.
"""

import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sql\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PICTURES = pathlib.Path("/usr/share/palapeli/collection")


def statements(blocks):
    """[(statement, expected lines)] of all blocks."""
    found, text, expected = [], [], []
    for line in "\n".join(blocks).splitlines() + [""]:
        if line.startswith("-- ") or line == "--":
            expected.append(line[3:])
            continue
        if text and (text[0].startswith(".") or text[-1].split("  --")[0].rstrip().endswith(";")):
            found.append(("\n".join(text), expected))
            text, expected = [], []
        if line.strip():
            text.append(line)
    assert not text, f"a statement in README.md does not end: {text}"
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of pictures as README.md describes it."""
    place = tmp_path_factory.mktemp("readme")
    pictures = place / "Pictures"
    pictures.mkdir()
    for file in PICTURES.glob("*.jpg"):
        shutil.copy(file, pictures)
    subprocess.run("djpeg -scale 1/2 castle-maintenon.jpg | cjpeg -quality 60 > castle-small.jpg", shell=True,
                   cwd=pictures, check=True)
    return place


def test_sql_examples(folder, extension, root):
    examples = statements(BLOCKS)
    assert len(examples) > 20
    mark = "=== %d ==="
    script = "".join(f"{statement}\n.print {mark % number}\n" for number, (statement, _) in enumerate(examples))
    script = script.replace("load_extension('dupgpu')", f"load_extension('{extension}')")
    script = script.replace("/usr/share/dupgpu/", f"{root}/sql/")
    done = subprocess.run(["sqlite3", "-batch", "photos.db"], input=script, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, cwd=folder, timeout=300)
    rest = done.stdout
    for number, (statement, expected) in enumerate(examples):
        got, separator, rest = rest.partition(mark % number + "\n")
        assert separator, f"the shell stopped before {statement!r}:\n{rest or got}"
        lines = got.splitlines()
        if expected and expected[0].startswith("Error: "):
            assert expected[0][7:] in got, statement
        elif not expected or "..." in expected:
            assert "error" not in got.lower(), (statement, got)
        else:
            assert lines == expected, statement


def answers(*commands):
    """Words that the shell prints for the commands."""
    done = subprocess.run(["sqlite3", "-batch", ":memory:", *commands], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_every_function_and_table_is_described(extension):
    listing = ("SELECT name FROM pragma_function_list WHERE NOT builtin", "SELECT name FROM pragma_module_list")
    ours = answers(f".load {extension}", *listing) - answers(*listing)
    assert "similar_pairs" in ours and "phash" in ours
    assert [name for name in ours if f"`{name}" not in README] == []


def test_every_setting_is_described(extension):
    keys = answers(f".load {extension}", "SELECT key FROM dupgpu_settings")
    assert keys and [key for key in keys if f"`{key}`" not in README] == []


def test_every_make_target_named_is_there():
    makefile = "\n".join(path.read_text() for path in [ROOT / "Makefile", *ROOT.glob("*/*/rules.mk")])
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    commands = re.findall(r"`[^`\n]+`", prose) + re.findall(r"^    \$ .*", prose, re.MULTILINE)
    targets = {target for command in commands for target in re.findall(r"\bmake ([a-z][a-z-]*)\b", command)}
    assert {"demo", "test", "install", "bench"} <= targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
