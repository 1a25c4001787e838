"""The data handler: real tables in, real tables out."""

import base64
import io
import json
from datetime import date

import polars as pl
import pytest
from pydantic import ValidationError

from tests.worker_host.handlers.context import FakeContext
from worker_host.control import Reject
from worker_host.handlers._data_payload import DataPayload
from worker_host.handlers.data import transform
from worker_host.registry import REGISTRY, RunIn
from worker_host.storage import open_storage

CONTEXT = FakeContext(task_id="0:01JDATA", task_type="data")
SALES = [
    {"region": "north", "product": "tea", "price": 2.5, "quantity": 4},
    {"region": "south", "product": "tea", "price": 2.0, "quantity": 1},
    {"region": "north", "product": "milk", "price": 1.0, "quantity": 10},
    {"region": "south", "product": None, "price": None, "quantity": 3},
]


def run(source, *steps, context=CONTEXT, **output):
    source = {"rows": source} if isinstance(source, list) else source
    fields = {"source": source, "steps": list(steps), "output": output}
    return transform(DataPayload.model_validate(fields), context)


def rows(source, *steps):
    return run(source, *steps)["rows"]


def column(name, source, *steps):
    return [row[name] for row in rows(source, *steps)]


def where(name, operator, *value):
    return {"column": name, "is": operator, **({"value": value[0]} if value else {})}


def keep(*conditions, **options):
    return {"op": "filter", "where": list(conditions), **options}


def test_whole_pipeline():
    result = run(
        SALES,
        keep(where("price", "is_not_null")),
        {"op": "derive", "column": "total", "expression": "round(price * quantity, 2)"},
        {
            "op": "group",
            "by": ["region"],
            "aggregate": [{"function": "sum", "column": "total", "as": "revenue"}],
        },
        {"op": "sort", "by": ["revenue"], "descending": True},
    )
    assert result == {
        "row_count": 2,
        "columns": [{"name": "region", "type": "text"}, {"name": "revenue", "type": "float"}],
        "rows": [{"region": "north", "revenue": 20.0}, {"region": "south", "revenue": 2.0}],
    }


def test_select_rename_drop():
    result = run(
        SALES,
        {"op": "select", "columns": ["quantity", "region", "price"]},
        {"op": "rename", "columns": {"quantity": "count"}},
        {"op": "drop", "columns": ["price"]},
        {"op": "limit", "count": 1, "offset": 1},
    )
    assert result["rows"] == [{"count": 1, "region": "south"}]
    assert [one["name"] for one in result["columns"]] == ["count", "region"]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        (where("n", "==", 2), [2]),
        (where("n", "!=", 2), [1, 3]),
        (where("n", "<", 2), [1]),
        (where("n", "<=", 2), [1, 2]),
        (where("n", ">", 2.5), [3]),
        (where("n", ">=", 2), [2, 3]),
        (where("n", "in", [1, 3, 9]), [1, 3]),
        (where("n", "not_in", [1]), [2, 3]),
        (where("n", "in", []), []),
        (where("n", "not_in", []), [1, 2, 3]),
        (where("t", "==", "a.b"), [1]),
        (where("t", "contains", "."), [1]),
        (where("t", "starts_with", "a"), [1, 2]),
        (where("t", "ends_with", "b"), [1, 2]),
        (where("t", "is_null"), [3]),
        (where("n", "is_null"), [None]),
        (where("b", "==", True), [1]),
        (where("d", ">=", "2026-02-01"), [2, 3]),
    ],
)
def test_filter(condition, kept):
    table = {
        "rows": [
            {"n": 1, "t": "a.b", "b": True, "d": "2026-01-31"},
            {"n": 2, "t": "axb", "b": False, "d": "2026-02-01"},
            {"n": 3, "t": None, "b": False, "d": "2026-03-01"},
            {"n": None, "t": "z", "b": None, "d": None},
        ],
        "types": {"d": "date"},
    }
    assert column("n", table, keep(condition)) == kept


def test_filter_any_and_all():
    conditions = where("region", "==", "north"), where("quantity", ">", 3)
    assert column("quantity", SALES, keep(*conditions)) == [4, 10]
    conditions = where("region", "==", "south"), where("quantity", ">", 4)
    assert column("quantity", SALES, keep(*conditions, match="any")) == [1, 10, 3]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a + b * 2", 13),
        ("(a + b) * 2", 16),
        ("-a % 2", 1),
        ("b / 2", 2.5),
        ("b // 2", 2),
        ("b / 0", None),
        ("a and 2", True),
        ("not a", False),
        ("1 if a - 3 else 2", 2),
        ("day0 > date('2026-01-01')", True),
        ("a > 2 and not b < 2", True),
        ("'big' if a > 2 else 'small'", "big"),
        ("concat(name, ' <', a, '>')", "Ann Lee <3>"),
        ("upper(name)", "ANN LEE"),
        ("lower(trim('  X '))", "x"),
        ("length(name)", 7),
        ("substring(name, 4)", "Lee"),
        ("substring(name, 0, 3)", "Ann"),
        ("replace(name, '.', '!')", "Ann Lee"),
        ("contains(name, 'Lee') or False", True),
        ("coalesce(empty, 'none')", "none"),
        ("is_null(empty)", True),
        ("round(2.345, 2)", 2.35),
        ("round(2.5)", 3.0),
        ("max(a, b, 4)", 5),
        ("min(a, b)", 3),
        ("abs(a - b)", 2),
        ("sqrt(a * a)", 3.0),
        ("number('2.5') + a", 5.5),
        ("text(a)", "3"),
        ("col('unit price') * 2", 3.0),
        ("year(day0) + month(day0) + day(day0)", 2026 + 11 + 24),
    ],
)
def test_expression(expression, value):
    row = {"a": 3, "b": 5, "name": "Ann Lee", "empty": None, "unit price": 1.5, "day0": "2026-11-24"}
    table = {"rows": [row], "types": {"day0": "date"}}
    assert column("new", table, {"op": "derive", "column": "new", "expression": expression}) == [value]


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "[x for x in a]",
        "a.name",
        "a[0]",
        "lambda: a",
        "open('/etc/passwd')",
        "a ** 9",
        "a if",
        "a; a",
        "(a := 1)",
        "f'{a}'",
        "b'x'",
        "1j",
        "nothing + 1",
        "col(a)",
        "col('nothing')",
        "col()",
        "round(a, b)",
        "round(a, 1, 2)",
        "upper()",
        "upper(value=name)",
        "upper(a)",
        "name * 2",
        "a + name",
        "number(name)",
        "1 < a < 3",
        "99999999999999999999 + a",
        "-" * 498 + "a",
        "(" * 300 + "a" + ")" * 199,
        "a\x00",
    ],
)
def test_expression_that_is_refused_names_its_step(expression):
    with pytest.raises(Reject, match=r"^steps\[1\] \(derive\): "):
        run(
            [{"a": 3, "b": 1, "name": "Ann"}],
            {"op": "limit", "count": 5},
            {"op": "derive", "column": "new", "expression": expression},
        )


def test_group_functions():
    names = ["count", "count_distinct", "sum", "mean", "median", "std", "min", "max", "first", "last"]
    aggregate = [{"function": name, "column": "v"} for name in names] + [{"function": "count"}]
    (row,) = rows([{"v": 1}, {"v": 1}, {"v": 4}, {"v": None}], {"op": "group", "aggregate": aggregate})
    assert row.pop("v_std") == pytest.approx(3**0.5)
    assert row == {
        "v_count": 3,
        "v_count_distinct": 2,
        "v_sum": 6,
        "v_mean": 2.0,
        "v_median": 1.0,
        "v_min": 1,
        "v_max": 4,
        "v_first": 1,
        "v_last": None,
        "count": 4,
    }


def test_groups_keep_the_order_of_their_first_row():
    step = {"op": "group", "by": ["region"], "aggregate": [{"function": "count"}]}
    for _ in range(5):
        assert rows(SALES, step) == [{"region": "north", "count": 2}, {"region": "south", "count": 2}]


def test_sort_by_several_with_empty_cells_last():
    table = [{"a": 2, "b": 1}, {"a": None, "b": 2}, {"a": 1, "b": 3}, {"a": 2, "b": 4}]
    assert column("b", table, {"op": "sort", "by": ["a"], "descending": True}) == [1, 4, 3, 2]
    assert column("b", table, {"op": "sort", "by": ["a", "b"], "descending": [False, True]}) == [3, 4, 1, 2]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("inner", [("tea", "hot"), ("tea", "hot"), ("milk", "cold")]),
        ("left", [("tea", "hot"), ("tea", "hot"), ("milk", "cold"), (None, None)]),
        ("full", [("tea", "hot"), ("tea", "hot"), ("milk", "cold"), (None, None), ("beer", "cold")]),
        ("semi", [("tea",), ("tea",), ("milk",)]),
        ("anti", [(None,)]),
    ],
)
def test_join(how, expected):
    step = {
        "op": "join",
        "source": {"csv": "name,served\ntea,hot\nmilk,cold\nbeer,cold\n"},
        "on": ["product"],
        "right_on": ["name"],
        "how": how,
    }
    found = rows(SALES, {"op": "select", "columns": ["product"]}, step)
    assert [tuple(row.values()) for row in found] == expected


def test_join_that_multiplies_is_refused_before_it_is_computed(monkeypatch):
    monkeypatch.setenv("DATA_MAX_ROWS", "1000")
    many = [{"k": 1, "v": n} for n in range(100)]
    step = {"op": "join", "source": {"rows": many}, "on": ["k"]}
    with pytest.raises(Reject, match="10000 rows, more than the 1000 of DATA_MAX_ROWS"):
        run(many, step)


def test_unique_nulls_and_fill():
    table = [{"a": 1, "b": None}, {"a": 1, "b": 2}, {"a": None, "b": 3}]
    assert rows(table, {"op": "unique", "columns": ["a"]}) == [table[0], table[2]]
    assert rows(table, {"op": "drop_nulls"}) == [table[1]]
    assert column("b", table, {"op": "drop_nulls", "columns": ["a"]}) == [None, 2]
    assert column("b", table, {"op": "fill_nulls", "columns": ["b"], "value": 0}) == [0, 2, 3]
    assert rows([{"a": 1}, {"a": 1}], {"op": "unique"}) == [{"a": 1}]


def test_describe():
    found = {row["statistic"]: row["n"] for row in rows([{"n": 1}, {"n": 3}], {"op": "describe"})}
    assert (found["count"], found["mean"], found["max"]) == (2.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("to", "text", "value", "options"),
    [
        ("integer", " 7 ", 7, {}),
        ("float", "1e3", 1000.0, {}),
        ("boolean", "Yes", True, {}),
        ("date", "2026-11-24", "2026-11-24", {}),
        ("date", "24.11.2026", "2026-11-24", {"format": "%d.%m.%Y"}),
        ("datetime", "2026-11-24T10:00:00", "2026-11-24T10:00:00", {}),
        ("text", "x", "x", {}),
    ],
)
def test_cast(to, text, value, options):
    step = {"op": "cast", "columns": {"a": to}, **options}
    result = run([{"a": text}, {"a": None}], step)
    assert [row["a"] for row in result["rows"]] == [value, None]
    assert result["columns"] == [{"name": "a", "type": to}]


@pytest.mark.parametrize("to", ["integer", "float", "boolean", "date", "datetime"])
def test_cast_that_would_lose_a_value_shows_it(to):
    with pytest.raises(Reject, match=r"steps\[0\] \(cast\): column 'a'.* become " + to):
        run([{"a": "perhaps"}], {"op": "cast", "columns": {"a": to}})


@pytest.mark.parametrize(
    "step",
    [
        {"op": "select", "columns": ["nope"]},
        {"op": "drop", "columns": ["nope"]},
        {"op": "rename", "columns": {"nope": "x"}},
        keep(where("nope", "==", 1)),
        {"op": "derive", "column": "x", "expression": "nope + 1"},
        {"op": "group", "by": ["nope"], "aggregate": [{"function": "count"}]},
        {"op": "group", "aggregate": [{"function": "sum", "column": "nope"}]},
        {"op": "sort", "by": ["nope"]},
        {"op": "join", "source": {"rows": [{"region": "north"}]}, "on": ["nope"]},
        {"op": "unique", "columns": ["nope"]},
        {"op": "drop_nulls", "columns": ["nope"]},
        {"op": "fill_nulls", "columns": ["nope"], "value": 1},
        {"op": "cast", "columns": {"nope": "text"}},
    ],
    ids=lambda step: step["op"],
)
def test_missing_column_names_step_column_and_what_exists(step):
    with pytest.raises(Reject) as caught:
        run(SALES, {"op": "limit", "count": 9}, step)
    assert str(caught.value) == (
        f"steps[1] ({step['op']}): there is no column 'nope'; the columns are: region, product, price, quantity"
    )


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (keep(where("region", ">", 1)), "column 'region' is of type text, 1 is integer"),
        (keep(where("quantity", "==", "4")), "column 'quantity' is of type integer, '4' is text"),
        (keep(where("quantity", "==", True)), "True is boolean"),
        (keep(where("quantity", "in", [1, "2"])), "'2' is text"),
        (keep(where("quantity", "contains", 1)), "needs a column of text"),
        (keep(where("quantity", "<", 2**63)), "does not fit into 64 bits"),
        ({"op": "fill_nulls", "columns": ["price"], "value": "x"}, "column 'price' is of type float"),
        (
            {"op": "group", "aggregate": [{"function": "mean", "column": "region"}]},
            "needs a column of numbers",
        ),
        ({"op": "rename", "columns": {"region": "price"}}, "duplicate"),
        ({"op": "sort", "by": ["price"], "descending": [True, False]}, "2 entries for 1 columns"),
        ({"op": "join", "source": {"rows": [{"region": 1}]}, "on": ["region"]}, "cast one of them"),
        (
            {"op": "join", "source": {"rows": [{"x": 1}]}, "on": ["region"]},
            "second table: there is no column",
        ),
        ({"op": "join", "source": {"rows": []}, "on": ["region"], "right_on": ["a", "b"]}, "give as many"),
    ],
)
def test_step_that_does_not_fit_is_rejected_with_its_index(step, why):
    with pytest.raises(Reject, match=rf"^steps\[0\] \({step['op']}\): ") as caught:
        run(SALES, step)
    assert why in str(caught.value)


def test_cast_to_integer_cuts_nothing_off():
    step = {"op": "cast", "columns": {"a": "integer"}}
    assert column("a", [{"a": 2.0}, {"a": None}], step) == [2, None]
    with pytest.raises(Reject, match=r"1 values cannot become integer, for example 1\.5"):
        run([{"a": 2.0}, {"a": 1.5}], step)


def test_csv_keeps_what_is_no_number():
    text = '\ufeffzip,price,ok,note,whole\n01234,1.50,true,"a,b",1\n99999,2,false,,-20\n'
    result = run({"csv": text})
    assert result["rows"] == [
        {"zip": "01234", "price": 1.5, "ok": True, "note": "a,b", "whole": 1},
        {"zip": "99999", "price": 2.0, "ok": False, "note": None, "whole": -20},
    ]


def test_csv_with_types_and_separator():
    source = {"csv": "id;day\n7;2026-01-02\n", "separator": ";", "types": {"id": "text", "day": "date"}}
    assert rows(source) == [{"id": "7", "day": "2026-01-02"}]


def parquet(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"a,b\n1,x\n", {}),
        (b"a,b\n1,x\n", {"format": "csv"}),
        (b'[{"a": 1, "b": "x"}]', {}),
        (b'\xef\xbb\xbf[{"a": 1, "b": "x"}]', {"format": "json"}),
        (b'{"a": 1, "b": "x"}\n\n', {}),
        (parquet(pl.DataFrame({"a": [1], "b": ["x"]})), {}),
    ],
)
def test_format_is_told_by_the_content(content, options):
    source = {"base64": base64.b64encode(content).decode(), **options}
    assert rows(source) == [{"a": 1, "b": "x"}]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.json", "t.ndjson", "t.jsonl", "t.parquet"])
def test_format_is_told_by_the_name_in_storage(name):
    contents = {
        "csv": b"a,b\n1,x\n",
        "tsv": b"a\tb\n1\tx\n",
        "json": b'[{"a":1,"b":"x"}]',
        "ndjson": b'{"a":1,"b":"x"}',
        "jsonl": b'{"a":1,"b":"x"}',
        "parquet": parquet(pl.DataFrame({"a": [1], "b": ["x"]})),
    }
    address = open_storage().put(name, contents[name.partition(".")[2]], "")
    assert rows({"storage": address}) == rows({"storage": name}) == [{"a": 1, "b": "x"}]


@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "parquet"])
def test_result_in_storage_is_a_source_again(form):
    result = run(SALES, to="storage", format=form)
    assert result["row_count"] == 4
    assert result["address"].endswith(f"/data/0_01JDATA.{form}")
    assert result["bytes"] == len(open_storage().get(result["address"], 10**6))
    assert "rows" not in result
    assert rows({"storage": result["address"]}) == SALES


def test_second_run_replaces_its_file_and_a_key_can_be_chosen():
    first = run(SALES, to="storage")
    again = run(
        SALES, {"op": "limit", "count": 1}, to="storage", context=FakeContext(task_id="0:01JDATA", attempt=2)
    )
    assert first["address"] == again["address"]
    assert run(SALES, to="storage", key="reports/sales.csv")["address"].endswith("/reports/sales.csv")
    with pytest.raises(Reject, match=r"output\.key: '\.\./x' is no storage key"):
        run(SALES, to="storage", key="../x")


def test_rows_of_a_result_are_json():
    table = pl.DataFrame(
        {
            "nan": [float("nan")],
            "infinite": [float("inf")],
            "day": [date(2026, 1, 2)],
            "bytes": [b"\xff"],
            "list": [[1.0, float("nan")]],
            "struct": [{"d": date(2026, 1, 2)}],
            "big": [2**62 + 1],
        }
    )
    found = rows({"base64": base64.b64encode(parquet(table)).decode()})
    assert json.loads(json.dumps(found, allow_nan=False)) == [
        {
            "nan": None,
            "infinite": None,
            "day": "2026-01-02",
            "bytes": "/w==",
            "list": [1.0, None],
            "struct": {"d": "2026-01-02"},
            "big": 2**62 + 1,
        }
    ]


def test_result_is_bounded_in_rows_and_bytes():
    many = {"csv": "n\n" + "\n".join(map(str, range(1001)))}
    with pytest.raises(Reject, match=r"1001 rows are more than the 1000.*limit.*storage"):
        run(many)
    assert run(many, {"op": "limit", "count": 1000})["row_count"] == 1000
    assert run(many, to="storage")["row_count"] == 1001
    with pytest.raises(Reject, match=r"bytes of rows are more than the 204800.*storage"):
        run([{"t": "x" * 1000}] * 250)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"csv": ""}, "empty"),
        ({"csv": "a,b\n1,2,3\n"}, "more fields"),
        ({"base64": base64.b64encode(b"a\n\xff\xfe\n").decode(), "format": "csv"}, "utf-8"),
        ({"base64": base64.b64encode(b"PAR1nonsense").decode()}, "cannot be read as a table"),
        ({"base64": base64.b64encode(b"[1, 2]").decode()}, "array of objects"),
        ({"base64": base64.b64encode(b"[{]").decode()}, "source: "),
        ({"base64": base64.b64encode(b"[" * 100_000).decode()}, "source: "),
        ({"ndjson": '{"a": 1}\n{"a"'}, "source: "),
        ({"rows": [{"a": 1}, {"a": "x"}]}, "column 'a' mixes number and text"),
        ({"rows": [{"a": 2**200}]}, "source: "),
        ({"rows": [{"a": "x"}], "types": {"b": "text"}}, "no column 'b'"),
        ({"rows": [{"a": "x"}], "types": {"a": "integer"}}, "cannot become integer, for example 'x'"),
        ({"storage": "no/such.csv"}, "nothing is stored at"),
        ({"storage": "file:///etc/passwd"}, "outside of this worker's storage"),
        ({"storage": "../../etc/passwd"}, "no storage key"),
        ({"url": "https://127.0.0.1/x.csv"}, "loopback"),
        ({"url": "http://example.com/x.csv"}, "only https"),
    ],
)
def test_source_that_is_no_table_is_rejected(source, why):
    with pytest.raises(Reject, match=why):
        run(source)


def test_mixed_column_becomes_text_on_request():
    assert column("a", {"rows": [{"a": 1}, {"a": "x"}, {"a": None}], "types": {"a": "text"}}) == [
        "1",
        "x",
        None,
    ]


def test_source_is_bounded(monkeypatch):
    open_storage().put("big.csv", b"a\n" + b"1\n" * 1000, "text/csv")
    monkeypatch.setenv("DATA_MAX_ROWS", "999")
    with pytest.raises(Reject, match="1000 rows, more than the 999 of DATA_MAX_ROWS"):
        run({"storage": "big.csv"})
    monkeypatch.setenv("DATA_MAX_BYTES", "100")
    with pytest.raises(Reject, match="more than the 100"):
        run({"storage": "big.csv"})


def test_rows_hidden_in_a_small_parquet_file_are_counted_before_they_are_read(monkeypatch):
    content = parquet(pl.DataFrame({"n": pl.zeros(1_000_000, pl.Int8, eager=True)}))
    assert len(content) < 10_000
    monkeypatch.setenv("DATA_MAX_ROWS", "999999")
    monkeypatch.setattr(pl, "read_parquet", lambda *_: pytest.fail("the pages were read"))
    with pytest.raises(Reject, match="1000000 rows"):
        run({"base64": base64.b64encode(content).decode()})


def test_table_that_csv_cannot_hold():
    with pytest.raises(Reject, match="csv cannot hold this table"):
        run([{"a": [1, 2]}], to="storage", format="csv")
    assert run([{"a": [1, 2]}], to="storage", format="json")["row_count"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"source": {}},
        {"source": {"rows": [], "csv": "a"}},
        {"source": {"rows": []}, "extra": 1},
        {"source": {"rows": []}, "steps": [{"op": "explode"}]},
        {"source": {"rows": []}, "steps": [{"op": "select"}]},
        {"source": {"rows": []}, "steps": [{"op": "limit", "count": -1}]},
        {"source": {"rows": []}, "steps": [keep(where("a", "in", 1))]},
        {"source": {"rows": []}, "steps": [keep(where("a", "==", [1]))]},
        {"source": {"rows": []}, "steps": [keep(where("a", "=="))]},
        {"source": {"rows": []}, "steps": [keep(where("a", "is_null", 1))]},
        {"source": {"rows": []}, "steps": [keep(where("a", "~", 1))]},
        {"source": {"rows": []}, "steps": [{"op": "group", "aggregate": [{"function": "sum"}]}]},
        {"source": {"rows": []}, "output": {"to": "mail"}},
    ],
)
def test_payload_that_is_refused(fields):
    with pytest.raises(ValidationError):
        DataPayload.model_validate(fields)


def test_empty_table():
    assert run([]) == {"row_count": 0, "columns": [], "rows": []}


def test_registration():
    handler = REGISTRY.get("data")
    assert handler.run_in is RunIn.PROCESS
    schema = handler.description()["schema"]
    assert schema["required"] == ["source"]
    assert "is" in schema["$defs"]["Comparison"]["properties"]
