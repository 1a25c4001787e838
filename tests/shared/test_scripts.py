"""Scripts and their builder: headers, includes, positions, places of errors, what is built and what is stale."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from shared import errors, scripts
from shared.queue.base import _meaning
from shared.scripts import build
from shared.transports.base import ScriptSignal


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of scripts, and one of what is built of them."""
    (tmp_path / "lib").mkdir()
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    for module in (build, scripts):
        monkeypatch.setattr(module, "BUILT", tmp_path / "built")
    scripts.script.cache_clear()
    yield tmp_path
    scripts.script.cache_clear()


def _write(folder, name: str, text: str) -> None:
    (folder / f"{name}.lua").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["return 1\n", "--[[ other: a header of another\n]]\nreturn 1\n", "-- a: b\nreturn 1\n"]
)
def test_a_script_without_its_header_is_refused(folder, text):
    _write(folder, "some", text)
    with pytest.raises(ValueError, match=re.escape("some.lua: begins without a header '--[[ some: …'")):
        build.arranged("some")


def test_an_include_that_does_not_exist_is_named_with_its_line(folder):
    _write(folder, "some", '--[[ some: x\n]]\n\n--- @include "lib/none"\n')
    with pytest.raises(ValueError, match=re.escape("some.lua:4: includes lib/none, which does not exist")):
        build.arranged("some")


def test_only_the_last_group_of_keys_may_leave_its_length_open(folder):
    _write(folder, "some", "--[[ some: x\n  @keys a string t:<id>\n  @keys b string t:<id>\n]]\nreturn 1\n")
    with pytest.raises(ValueError, match="only the last @keys"):
        build.arranged("some")


def test_names_become_positions_on_both_sides(folder):
    _write(
        folder,
        "some",
        """--[[ some: x
  @key  run      hash  run
  @key  queues   hash  queues
  @keys pending[count]  zset  pending:<queue>
  @keys record   string  t:<id>
  @arg  prefix   text  what keys begin with
  @arg  count    int   pending queues
  @args item     the rest
]]
return {run, queues, pending(1), pending(2), record(1), tostring(record_count), prefix, tostring(count), item(1), tostring(item_count)}
""",
    )
    program = build.arranged("some")
    keys, args = program.pack(
        run="R",
        queues="Q",
        pending=["p1", "p2"],
        record=["r1", "r2", "r3"],
        prefix="P",
        count="2",
        item=["i"],
    )
    assert keys == ["R", "Q", "p1", "p2", "r1", "r2", "r3"]
    assert args == ["P", "2", "i"]
    with pytest.raises(KeyError, match="queues"):
        program.pack(run="R")


def test_comments_and_blank_lines_go_and_places_stay(folder):
    _write(folder, "lib/part", "-- what it does\n\nlocal function part() return 1 end\n")
    _write(folder, "some", '--[[ some: x\n]]\n--- @include "lib/part"\n\n-- why\nreturn part()\n')
    program = build.arranged("some")
    assert program.body == "local part\ndo\nfunction part() return 1 end\nend\nreturn part()\n"
    assert program.locate("ERR user_script:3: bad") == "ERR lib/part.lua:3: bad"
    assert program.locate("ERR user_script:5: bad") == "ERR some.lua:6: bad"
    assert program.locate("ERR user_script:9: bad") == "ERR user_script:9: bad"


def test_what_parts_share_is_declared_first_in_the_order_in_which_it_is_met(folder):
    _write(folder, "lib/one", "local rare, own, often = 1, 2, 3\nlocal function one() return often end\n")
    _write(
        folder,
        "lib/two",
        "local mine = often + often\nlocal later\nlocal function two() return later, mine end\n",
    )
    _write(
        folder,
        "some",
        '--[[ some: x\n  @arg n int x\n]]\n--- @include "lib/one"\n--- @include "lib/two"\n'
        "local own = 4\nlater = rare\nreturn two(), one(), n\n",
    )
    assert build.arranged("some").body.splitlines() == [
        "local n", "local rare", "local own", "local often", "local one", "local two", "local later",
        "n = tonumber(ARGV[1])",
        "do", "rare, own, often = 1, 2, 3", "function one() return often end", "end",
        "do", "local mine = often + often", "function two() return later, mine end", "end",
        "local own = 4", "later = rare", "return two(), one(), n",
    ]  # fmt: skip


def test_of_many_what_most_functions_use_stands_outside_of_the_rest(folder):
    names = [f"n{n:02}" for n in range(70)]
    functions = "".join(f"local function f{n:02}() return {names[n]}, n00, n01 end\n" for n in range(70))
    _write(folder, "lib/one", f"local {', '.join(names)}\n{functions}")
    calls = ", ".join(f"f{n:02}" for n in range(70))
    _write(folder, "some", f'--[[ some: x\n]]\n--- @include "lib/one"\nreturn {calls}, {names[69]}\n')
    lines = build.arranged("some").body.splitlines()
    around = lines.index("local function everything()")
    assert around == 59
    assert {"local n00", "local n01"} < set(lines[:59])
    assert lines[-2:] == ["end", "return everything()"]
    assert len(build.arranged("some").lines()) == len(lines)


def test_constants_are_written_where_they_are_used_but_in_no_text(folder):
    _write(folder, "lib/part", "local MOST = 5 -- so many\nlocal KIND = 'x'\nlocal SUM = MOST + 1\n")
    _write(
        folder,
        "some",
        "--[[ some: x\n]]\n--- @include \"lib/part\"\nlocal MOST = 5\nreturn SUM, MOST, KIND, 'MOST'\n",
    )
    assert build.arranged("some").body == "local SUM\ndo\nSUM = 5 + 1\nend\nreturn SUM, 5, 'x', 'MOST'\n"
    assert build.arranged("some").locate("user_script:3: bad") == "lib/part.lua:3: bad"


def test_a_constant_has_one_value_in_a_script(folder):
    _write(folder, "lib/part", "local MOST = 5\n")
    _write(folder, "some", '--[[ some: x\n]]\n--- @include "lib/part"\nlocal MOST = 6\nreturn MOST\n')
    with pytest.raises(ValueError, match=re.escape("some.lua:4: MOST has another value elsewhere")):
        build.arranged("some")


LAZY_PART = """local done = {}
local function note(what) done[#done + 1] = what end
--- @lazy
local made = 'made'
note(made)
local function rare(...) return made, ... end
--- @eager
local function often() return #done end
"""


def test_what_is_lazy_is_made_when_it_is_called_for_the_first_time(store, folder):
    _write(folder, "lib/part", LAZY_PART)
    _write(
        folder,
        "some",
        '--[[ some: x\n]]\n--- @include "lib/part"\n'
        "local before = often()\nlocal text, first = rare(7)\nlocal _, second = rare(8)\n"
        "return {before, text, first, second, often()}\n",
    )
    program = build.arranged("some")
    assert store.eval(program.body, 0) == [0, "made", 7, 8, 1]
    lines = program.body.splitlines()
    assert "function rare(...) make() return rare(...) end" in lines
    at = lines.index("local made = 'made'") + 1
    assert program.locate(f"user_script:{at}: bad") == "lib/part.lua:4: bad"


def test_a_piece_may_be_lazy_in_some_scripts_alone(folder):
    _write(folder, "lib/part", "--- @lazy other, some\nlocal function rare() return 1 end\n")
    for name in ("some", "third"):
        _write(folder, name, f'--[[ {name}: x\n]]\n--- @include "lib/part"\nreturn rare()\n')
    assert "make() return rare(...)" in build.arranged("some").body
    assert (
        build.arranged("third").body == "local rare\ndo\nfunction rare() return 1 end\nend\nreturn rare()\n"
    )


def test_a_function_that_only_lazy_pieces_mention_is_lazy_too(folder):
    _write(
        folder,
        "lib/part",
        "local n = 0\nlocal function inner() return n end\nlocal function helper() return inner() end\n"
        "--- @lazy\nlocal function rare() return helper() end\n",
    )
    _write(folder, "some", '--[[ some: x\n]]\n--- @include "lib/part"\nreturn rare(), n\n')
    assert build.arranged("some").body.splitlines() == [
        "local n", "local rare",
        "do",
        "local function make_0()",
        "do",
        "local function inner() return n end", "local function helper() return inner() end",
        "function rare() return helper() end",
        "end",
        "end",
        "local function make() make_0() end",
        "function rare(...) make() return rare(...) end",
        "end",
        "do", "n = 0", "end",
        "return rare(), n",
    ]  # fmt: skip


def test_lazy_pieces_share_variables_with_each_other_but_not_with_the_rest(store, folder):
    _write(folder, "lib/one", "--- @lazy\nlocal list = {1, 2}\n")
    _write(folder, "lib/two", "--- @lazy\nlocal function rare() return #list end\n")
    include = '--[[ some: x\n]]\n--- @include "lib/one"\n--- @include "lib/two"\n'
    _write(folder, "some", f"{include}return rare()\n")
    assert store.eval(build.arranged("some").body, 0) == 2
    _write(folder, "some", f"{include}return rare() + #list\n")
    with pytest.raises(
        ValueError, match=re.escape("lib/one.lua:2: list is no function, and what is not lazy")
    ):
        build.arranged("some")


def test_lazy_pieces_that_use_many_variables_are_made_by_several_functions(store, folder):
    names = [f"n{n:02}" for n in range(100)]
    _write(folder, "lib/all", "".join(f"local {name} = 1\n" for name in names))
    for part, some in (("one", names[:50]), ("two", names[50:])):
        _write(folder, f"lib/{part}", f"--- @lazy\nlocal function {part}() return {' + '.join(some)} end\n")
    includes = "".join(f'--- @include "lib/{part}"\n' for part in ("all", "one", "two"))
    _write(folder, "some", f"--[[ some: x\n]]\n{includes}return one() + two()\n")
    program = build.arranged("some")
    assert "local function make() make_0() make_1() end" in program.body
    assert store.eval(program.body, 0) == 100


def test_two_parts_must_not_share_by_the_same_name(folder):
    _write(folder, "lib/one", "local list = {}\n")
    _write(folder, "lib/two", "local list = {}\n")
    _write(folder, "some", '--[[ some: x\n]]\n--- @include "lib/one"\n--- @include "lib/two"\n')
    with pytest.raises(ValueError, match=re.escape("lib/two.lua declares list, as another part does")):
        build.arranged("some")


async def test_the_positions_hold_on_a_real_server(store, folder):
    _write(
        folder,
        "some",
        """--[[ some: x
  @key  one      string  one
  @keys a[a_count]  string  a
  @keys b        string  b
  @arg  a_count  int     length of a
  @args item     the rest
]]
return {one, a(1), a(2), b(1), b_count, item(1), item_count}
""",
    )
    program = build.arranged("some")
    keys, args = program.pack(one="1", a=["a1", "a2"], b=["b1"], a_count="2", item=["x", "y"])
    assert store.eval(program.body, len(keys), *keys, *args) == ["1", "a1", "a2", "b1", 1, "x", 2]


SMALL = "--[[ some: x\n  @key one string one\n  @args item x\n]]\n\nreturn one\n"


def test_a_script_is_read_as_it_was_arranged(folder):
    _write(folder, "lib/part", "local function part() return 'ü' end\n")
    _write(folder, "some", SMALL.replace("\n\n", '\n--- @include "lib/part"\n'))
    assert build.build() == ["some"]
    arranged, read = build.arranged("some"), scripts.script("some")
    assert (read, read.pack(one="1", item=["x"])) == (arranged, (["1"], ["x"]))
    assert [*read.lines()] == [*arranged.lines()]
    last = len(read.lines())
    assert read.locate(f"ERR user_script:{last}: bad") == "ERR some.lua:6: bad"


def test_only_what_is_stale_is_written_and_what_has_no_source_goes(folder):
    for name in ("some", "other"):
        _write(folder, name, SMALL.replace("some", name))
    assert build.build() == ["other", "some"]
    assert build.build() == []
    _write(folder, "some", SMALL.replace("return one", "return 2"))
    (folder / "other.lua").unlink()
    assert build.build() == ["other", "some"]
    assert [path.name for path in (folder / "built").iterdir()] == ["some.txt"]
    assert scripts.script("some").body.endswith("return 2\n")


def test_what_is_stale_is_named_with_the_command_that_helps(folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["build", "--check"])
    _write(folder, "some", SMALL)
    assert build.main() == 1
    assert capsys.readouterr().err == (
        "shared/scripts/built is not what the sources say of some: run `python -m shared.scripts.build`\n"
    )
    monkeypatch.setattr("sys.argv", ["build"])
    assert build.main() == 0
    assert capsys.readouterr().out == "built some\n"
    monkeypatch.setattr("sys.argv", ["build", "--check"])
    assert build.main() == 0


def test_of_many_that_are_stale_five_are_named(folder):
    for name in ("a", "b", "c", "d", "e", "f", "g"):
        _write(folder, name, SMALL.replace("some", name))
    assert "of a, b, c, d, e and 2 more: run" in build.complaint()


@pytest.mark.parametrize("words", [["build"], ["build", "--check"]])
def test_what_is_wrong_with_a_source_is_said(folder, monkeypatch, capsys, words):
    _write(folder, "some", '--[[ some: x\n]]\n--- @include "lib/none"\n')
    monkeypatch.setattr("sys.argv", words)
    assert build.main() == 1
    assert capsys.readouterr().err == "some.lua:3: includes lib/none, which does not exist\n"


def test_a_script_that_was_not_built_is_refused(folder):
    _write(folder, "some", SMALL)
    with pytest.raises(ValueError, match="no script some is built: run"):
        scripts.script("some")


def test_the_builder_is_not_loaded_with_the_scripts():
    code = "import sys, shared.queue; from shared.scripts import script; script('tick'); print('shared.scripts.build' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_every_script_loads_and_says_what_it_must():
    assert len(build.names()) >= 10
    for name in build.names():
        header = (build.FOLDER / f"{name}.lua").read_text(encoding="utf-8").split("]]")[0]
        assert scripts.script(name).sha
        for word in ("Precondition", "@returns", "Cost", "Replay"):
            assert word in header, f"{name}.lua: {word} is missing"


def test_no_position_stands_below_a_header():
    for path in build.FOLDER.rglob("*.lua"):
        assert not re.search(r"\b(KEYS|ARGV)\[", path.read_text(encoding="utf-8")), path.name


def test_the_portable_subset_is_kept():
    """What Upstash's interpreter lacks, and what would scan."""
    forbidden = r"redis\.(log|setresp|sha1hex|breakpoint)|\b(struct|bit|cmsgpack|os|io|math\.random)\b\.?|'(KEYS|SCAN|LREM|SORT)'|^#!"
    for name in build.names():
        found = re.search(forbidden, scripts.script(name).body, re.MULTILINE)
        assert not found, f"{name}: {found}"
        # It may be missing: what uses it has another way.
        assert scripts.script(name).body.count("redis.pcall") == 2, name


def test_every_error_of_a_header_means_something():
    declared = {
        code
        for path in build.FOLDER.glob("*.lua")
        for code in re.findall(r"@error +(DTQ_\w+)", path.read_text(encoding="utf-8"))
    }
    raised = {
        code
        for path in build.FOLDER.rglob("*.lua")
        for code in re.findall(r"'(DTQ_\w+)", path.read_text(encoding="utf-8"))
    }
    assert declared == raised
    known = {
        code: type(_meaning(ScriptSignal(code, [])))
        for code in declared - {"DTQ_IDEMPOTENCY_CONFLICT", "DTQ_UNIQUE_CONFLICT", "DTQ_RATE_LIMITED"}
    }
    assert known == {
        "DTQ_NOT_FOUND": errors.NotFound,
        "DTQ_NO_WORKER": errors.NotFound,
        "DTQ_NO_SCHEDULE": errors.NotFound,
        "DTQ_NO_QUEUE": errors.NotFound,
        "DTQ_NO_GROUP": errors.NotFound,
        "DTQ_NO_JOB": errors.NotFound,
        "DTQ_TOO_MANY_JOBS": errors.Conflict,
        "DTQ_TOO_MANY_SCHEDULES": errors.Conflict,
        "DTQ_TOO_MANY_WORKERS": errors.StoreRefused,
        "DTQ_TOO_MANY_LIMITS": errors.Conflict,
    }
