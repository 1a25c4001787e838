"""Where a schema says that secrets are, and how they are kept out of what is shown."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretBytes, SecretStr

from shared.errors import InvalidInput
from shared.masking import MASK, SecretPlaces, hidden_in, hiding


class Inner(BaseModel):
    token: SecretStr
    note: str = ""


class Cat(BaseModel):
    kind: Literal["cat"]
    value: SecretStr


class Dog(BaseModel):
    kind: Literal["dog"]
    value: str


class Node(BaseModel):
    key: SecretStr | None = None
    children: list[Node] = []


class Model(BaseModel):
    plain: str = ""
    secret: SecretStr
    raw: SecretBytes
    number: int = Field(json_schema_extra={"writeOnly": True})
    maybe: SecretStr | None = None
    inner: Inner | None = None
    many: list[SecretStr] = []
    inners: list[Inner] = []
    named: dict[str, SecretStr] = {}
    pair: tuple[str, SecretStr] | None = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    tree: Node | None = None
    aliased: SecretStr = Field(alias="x-key")


PLACES = SecretPlaces(Model.model_json_schema())


@pytest.mark.parametrize(
    ("payload", "masked", "values"),
    [
        ({"plain": "a", "secret": "s3cret"}, {"plain": "a", "secret": MASK}, ["s3cret"]),
        ({"raw": "s3cret", "number": 4711}, {"raw": MASK, "number": MASK}, ["s3cret", "4711"]),
        ({"maybe": None}, {"maybe": None}, []),
        ({"maybe": "s"}, {"maybe": MASK}, ["s"]),
        ({"inner": {"token": "t", "note": "n"}}, {"inner": {"token": MASK, "note": "n"}}, ["t"]),
        ({"many": ["a", "b"]}, {"many": [MASK, MASK]}, ["a", "b"]),
        ({"inners": [{"token": "t"}]}, {"inners": [{"token": MASK}]}, ["t"]),
        ({"named": {"a": "b"}}, {"named": {"a": MASK}}, ["b"]),
        ({"pair": ["a", "b"]}, {"pair": ["a", MASK]}, ["b"]),
        ({"pet": {"kind": "cat", "value": "v"}}, {"pet": {"kind": "cat", "value": MASK}}, ["v"]),
        # What is secret in one alternative is secret.
        ({"pet": {"kind": "dog", "value": "v"}}, {"pet": {"kind": "dog", "value": MASK}}, ["v"]),
        ({"tree": {"children": [{"key": "k"}]}}, {"tree": {"children": [{"key": MASK}]}}, ["k"]),
        ({"x-key": "k"}, {"x-key": MASK}, ["k"]),
        # What does not fit the model is masked as well.
        ({"secret": {"a": [1, None, True]}}, {"secret": MASK}, ["1"]),
        ({"many": "text"}, {"many": "text"}, []),
        ({"unknown": "u"}, {"unknown": "u"}, []),
        ("no object", "no object", []),
    ],
)
def test_places(payload: Any, masked: Any, values: list[str]) -> None:
    before = json.dumps(payload)
    assert PLACES.mask(payload) == masked
    assert PLACES.values(payload) == values
    assert json.dumps(payload) == before


@pytest.mark.parametrize(
    "schema",
    [
        None,
        True,
        [],
        "x",
        {},
        {"properties": []},
        {"$ref": 7},
        {"$ref": "#"},
        {"$ref": "#/$defs/none"},
        {"$ref": "https://example.org/"},
        {"anyOf": {"a": 1}, "items": [1], "properties": {"a": None}},
        {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"allOf": [{"$ref": "#"}], "x": {"writeOnly": True}},
    ],
)
def test_what_is_no_schema_says_nothing(schema: Any) -> None:
    payload = {"a": [1, {"b": None}]}
    assert SecretPlaces(schema).mask(payload) == payload


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(schema=_json, payload=_json)
def test_no_schema_and_no_payload_breaks_it(schema: Any, payload: Any) -> None:
    places = SecretPlaces({"properties": {"a": {"writeOnly": True}}, "anyOf": [schema]})
    places.mask(payload)
    places.values(payload)
    assert places.restore(payload, payload) == payload or MASK in json.dumps(payload)


def test_a_whole_payload_may_be_secret() -> None:
    assert SecretPlaces({"writeOnly": True}).mask({"a": 1}) == MASK


def test_masks_that_come_back_are_the_stored_secrets() -> None:
    stored = {"secret": "old", "inners": [{"token": "one"}, {"token": "two"}], "plain": "x"}
    edited = {"secret": "new", "inners": [{"token": "other"}, {"token": MASK}], "plain": MASK}
    assert PLACES.restore(edited, stored) == {
        "secret": "new",
        "inners": [{"token": "other"}, {"token": "two"}],
        "plain": MASK,
    }
    with pytest.raises(InvalidInput) as refusal:
        PLACES.restore({"inners": [{"token": "a"}, {"token": "b"}, {"token": MASK}]}, stored)
    assert refusal.value.field == "payload.inners[2].token"


SECRETS = [
    "hunter2hunter2",
    "quote \" and \\ and '",
    "line one is long\nline two is long",
    "ünïcödé",
    "a b&c=d/e?f",
    "tab\tbell\x07",
    "\N{PILE OF POO}" * 4,
    "x" * 10 + "y" * 40,
    "1234",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_hidden_however_it_is_quoted(secret: str) -> None:
    hide = hiding([secret])
    for form in (secret, repr(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        hidden = hide(f"before {form} after")
        assert secret not in hidden
        assert MASK in hidden
        assert hidden.startswith("before ")
        assert hidden.endswith(" after")
    assert hide(f"?p={quote(secret, safe='')}&q=1") == f"?p={MASK}&q=1"
    for line in secret.splitlines():
        assert line not in hide(f"> {line}")


def test_an_abbreviated_secret_is_hidden() -> None:
    """As pydantic shows an input: the first 25 characters, three dots, the last ones."""
    secret = "".join(chr(97 + n % 26) for n in range(80))
    assert hiding([secret])(f"input_value='{secret[:25]}...{secret[-24:]}', input_type=str") == (
        f"input_value='{MASK}', input_type=str"
    )
    assert hiding([secret])(f"{secret[:300][:40]} cut") == f"{MASK} cut"


def test_short_values_do_not_hide_everything() -> None:
    assert hiding(["a", "", "no"])("a nonsense") == "a nonsense"


def test_hiding_is_linear() -> None:
    text = "x" * 2_000_000
    assert hiding(["s" * 40])(text) == text


def test_hidden_in_json() -> None:
    value = {"k s3cret": ["s3cret", 1, None, True, 4711.5, 4711], "n": {"a": "xs3cretx"}}
    assert hidden_in(value, hiding(["s3cret", "4711"])) == {
        f"k {MASK}": [MASK, 1, None, True, 4711.5, MASK],
        "n": {"a": f"x{MASK}x"},
    }
