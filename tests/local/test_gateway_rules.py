"""The table of commands, checked against the commands that a real server has."""

import pytest
import redis

from local.gateway import rules
from local.gateway.errors import RequestRefused
from tests.local.conftest import RedisProcess

#: Commands of the server that leave no trace on a connection although the server flags them, with the reason.
HARMLESS = {
    "PUBLISH": "sends, does not subscribe",
    "XREAD": "refused when it carries BLOCK",
    "XREADGROUP": "refused when it carries BLOCK",
    "WAIT": "ends with its timeout, or with the gateway's",
    "WAITAOF": "ends with its timeout, or with the gateway's",
    **dict.fromkeys(
        ["EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"],
        "a script cannot touch the connection",
    ),
}
STATEFUL_FLAGS = {"admin", "blocking", "noscript", "pubsub", "no-multi", "no_multi"}


@pytest.fixture(scope="module")
def commands(redis_process: RedisProcess) -> dict[str, set[str]]:
    """Each command of the server with its flags."""
    with redis.Redis(port=redis_process.port, protocol=2, decode_responses=True) as client:
        client.response_callbacks.clear()
        return {entry[0].upper(): set(entry[2]) for entry in client.execute_command("COMMAND")}


def test_every_command_that_marks_a_connection_is_refused(commands: dict[str, set[str]]) -> None:
    marking = {name for name, flags in commands.items() if flags & STATEFUL_FLAGS}
    assert len(marking) > 40
    assert marking - rules.REFUSED == set(HARMLESS)


def test_every_read_is_a_read_to_the_server(commands: dict[str, set[str]]) -> None:
    unflagged = {"ECHO", "INFO", "MEMORY", "PING", "PUBSUB", "TIME", "XINFO"}
    assert {name for name in rules.READ_ONLY if "readonly" not in commands[name]} == unflagged


def test_every_read_of_the_server_is_known_or_refused(commands: dict[str, set[str]]) -> None:
    reads = {name for name, flags in commands.items() if "readonly" in flags}
    assert reads - rules.READ_ONLY - rules.REFUSED == set()


def test_no_command_is_both_read_and_refused() -> None:
    assert not rules.READ_ONLY & rules.REFUSED


@pytest.mark.parametrize(
    "command",
    [
        "BLPOP k 0",
        "blpop k 0",
        "BZPOPMIN k 0",
        "WATCH k",
        "MULTI",
        "SUBSCRIBE c",
        "MONITOR",
        "HELLO 3",
        "AUTH x",
        "SELECT 1",
        "SHUTDOWN",
        "CLIENT REPLY OFF",
        "CLIENT KILL 1",
        "CONFIG SET maxmemory 1",
        "CONFIG SET notify-keyspace-events KEA maxmemory 1",
        "CONFIG REWRITE",
        "SCRIPT DEBUG YES",
        "MEMORY PURGE",
        "FUNCTION DUMP",
        "XREAD BLOCK 0 STREAMS s $",
        "XREAD COUNT 1 block 0 STREAMS s $",
        "XREADGROUP GROUP BLOCK STREAMS BLOCK 0 STREAMS s >",
    ],
)
def test_refused(command: str) -> None:
    with pytest.raises(
        RequestRefused, match=r"^ERR (Command is not available|Unsupported CONFIG)"
    ) as refusal:
        rules.check(command.split(), read_only=False)
    assert refusal.value.status == 400
    with pytest.raises(RequestRefused, match=r"^ERR "):
        rules.check([part.encode() for part in command.split()], read_only=False)


@pytest.mark.parametrize(
    "command",
    [
        "XREAD COUNT 1 STREAMS BLOCK 0",
        "XREADGROUP GROUP BLOCK BLOCK STREAMS s >",
        "XREADGROUP GROUP g STREAMS COUNT 1 NOACK STREAMS s >",
        "SCRIPT LOAD x",
        "CONFIG SET notify-keyspace-events KEA",
        "CLIENT",
        "GET BLPOP",
        "EVALSHA abc 0",
    ],
)
def test_allowed(command: str) -> None:
    rules.check(command.split(), read_only=False)


def test_a_refusal_shows_no_more_than_a_line_of_the_client() -> None:
    with pytest.raises(RequestRefused) as refusal:
        rules.check(["CLIENT", "x\r\n" + "y" * 10_000], read_only=False)
    assert len(refusal.value.text) < 200
    assert "\n" not in refusal.value.text
