"""Bodies that are encrypted: keys, their rotation, and what cannot be opened."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest

from shared.errors import SettingsError
from shared.sealing import PAYLOAD, Sealer, Unreadable, read_sealer, seal, unseal

ONE, TWO = bytes(range(32)), bytes(range(32, 64))
PLACE = PAYLOAD


def text_of(key: bytes) -> str:
    return base64.b64encode(key).decode()


def test_what_was_sealed_is_opened() -> None:
    sealer = Sealer({"a": ONE})
    for text in ("{}", '{"x": "ü \N{PILE OF POO}"}', "x" * 300_000):
        stored = sealer.seal(text, PLACE)
        assert stored.startswith("!a:")
        assert stored.isascii()
        assert "\n" not in stored
        assert sealer.open(stored, PLACE) == text
    assert sealer.seal("{}", PLACE) != sealer.seal("{}", PLACE), "no two are alike"


def test_keys_are_rotated_by_their_id() -> None:
    old = Sealer({"a": ONE}).seal("{}", PLACE)
    both = read_sealer(f"b:{text_of(TWO)},a:{text_of(ONE)}")
    assert both is not None
    assert both.open(old, PLACE) == "{}"
    assert both.seal("{}", PLACE).startswith("!b:")
    with pytest.raises(Unreadable, match="'a', which PAYLOAD_KEY does not hold"):
        Sealer({"b": TWO}).open(old, PLACE)


def test_what_was_changed_or_moved_is_not_opened() -> None:
    sealer = Sealer({"a": ONE})
    stored = sealer.seal('{"amount": 1}', PLACE)
    body = stored.partition(":")[2]
    changed = body[:20] + ("A" if body[20] != "A" else "B") + body[21:]
    for text, place in [
        (stored, "result:" + "1" * 27),
        (stored, "result:" + "0" * 27),
        (f"!a:{changed}", PLACE),
        ("!a:", PLACE),
        ("!a:AAAA", PLACE),
        ("!a:no base64", PLACE),
        (stored[:-4], PLACE),
    ]:
        with pytest.raises(Unreadable, match="does not open this body"):
            sealer.open(text, place)
    with pytest.raises(Unreadable, match="does not open this body"):
        Sealer({"a": TWO}).open(stored, PLACE)


def test_without_a_key_nothing_is_sealed_and_what_is_sealed_is_told() -> None:
    assert seal(None, "{}", PLACE) == "{}"
    assert unseal(None, "{}", PLACE) == "{}"
    assert unseal(Sealer({"a": ONE}), '{"from": "before"}', PLACE) == '{"from": "before"}'
    with pytest.raises(Unreadable, match="encrypted with the key 'a'"):
        unseal(None, Sealer({"a": ONE}).seal("{}", PLACE), PLACE)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "holds no key"),
        (",", "holds no key"),
        ("a", "32 bytes"),
        (text_of(ONE), "must begin with an id"),
        (f"a b:{text_of(ONE)}", "must begin with an id"),
        (f"a:{text_of(ONE[:31])}", "32 bytes"),
        (f"a:{text_of(ONE + b'x')}", "32 bytes"),
        ("a:nonsense!", "32 bytes"),
        (f"a:{text_of(ONE)},a:{text_of(TWO)}", "id of an entry before"),
    ],
)
def test_a_wrong_setting_is_told_without_the_key(text: str, rule: str) -> None:
    with pytest.raises(SettingsError, match=rule) as error:
        read_sealer(text)
    assert error.value.variable == "PAYLOAD_KEY"
    assert text_of(ONE)[:20] not in str(error.value)


def test_base64_of_either_alphabet() -> None:
    key = bytes([251, 255]) * 16
    for text in (base64.b64encode(key), base64.urlsafe_b64encode(key), base64.b64encode(key).rstrip(b"=")):
        sealer = read_sealer(f"a:{text.decode()}")
        assert sealer is not None
        assert Sealer({"a": key}).open(sealer.seal("{}", PLACE), PLACE) == "{}"
    assert read_sealer(None) is None


def test_the_package_is_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.sealing.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match="pip install cryptography"):
        read_sealer(f"a:{text_of(ONE)}")


def test_the_command_makes_a_key() -> None:
    command = [sys.executable, "-m", "shared.sealing"]
    made = subprocess.run([*command, "2026a"], capture_output=True, text=True, check=True).stdout.strip()
    sealer = read_sealer(made)
    assert sealer is not None
    assert sealer.seal("{}", PLACE).startswith("!2026a:")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
