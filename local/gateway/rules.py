"""Which commands Upstash offers over REST, and which of them only read.

A refused command is not only a matter of likeness: connections to Redis are shared between requests, so a command
that changes the state of a connection (SELECT, MULTI, SUBSCRIBE, CLIENT REPLY …) would harm the next request on it.
"""

from collections.abc import Sequence

from local.gateway.errors import RequestRefused

Argument = str | bytes
Command = Sequence[Argument]

_BLOCKING = "BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN"
_CONNECTION = "ASKING AUTH HELLO QUIT READONLY READWRITE RESET SELECT"
_TRANSACTION = "DISCARD EXEC MULTI UNWATCH WATCH"
_SUBSCRIPTION = "MONITOR PSUBSCRIBE PUNSUBSCRIBE SPUBLISH SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE UNSUBSCRIBE"
_REPLICATION = "FAILOVER PSYNC REPLCONF REPLICAOF ROLE SLAVEOF SYNC"
_SERVER = "BGREWRITEAOF BGSAVE COMMANDLOG DEBUG LASTSAVE LATENCY LOLWUT MODULE SAVE SHUTDOWN SLOWLOG SWAPDB"
_CLUSTER = "CLUSTER CLUSTERSCAN MIGRATE RESTORE-ASKING"
_UNLISTED = "DELIFEQ LCS MOVE OBJECT PFDEBUG PFSELFTEST SORT SORT_RO"

REFUSED = frozenset(
    f"{_BLOCKING} {_CONNECTION} {_TRANSACTION} {_SUBSCRIPTION} {_REPLICATION} {_SERVER} {_CLUSTER} {_UNLISTED}".split()
)

#: Containers of which only these subcommands exist over REST.
SUBCOMMANDS = {
    "CLIENT": frozenset({"SETINFO"}),
    "CONFIG": frozenset({"GET", "SET"}),
    "FUNCTION": frozenset({"DELETE", "FLUSH", "KILL", "LIST", "LOAD", "STATS"}),
    "MEMORY": frozenset({"USAGE"}),
    "SCRIPT": frozenset({"EXISTS", "FLUSH", "KILL", "LOAD"}),
}

#: The only setting that Upstash lets a client read or write.
_OPEN_SETTING = "NOTIFY-KEYSPACE-EVENTS"

_READS = """
    BITCOUNT BITFIELD_RO BITPOS DBSIZE DUMP ECHO EVALSHA_RO EVAL_RO EXISTS EXPIRETIME FCALL_RO GEODIST GEOHASH GEOPOS
    GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH GET GETBIT GETRANGE HEXISTS HEXPIRETIME HGET HGETALL HKEYS HLEN HMGET
    HPEXPIRETIME HPTTL HRANDFIELD HSCAN HSTRLEN HTTL HVALS INFO KEYS LINDEX LLEN LPOS LRANGE MEMORY MGET PEXPIRETIME
    PFCOUNT PING PTTL PUBSUB RANDOMKEY SCAN SCARD SDIFF SINTER SINTERCARD SISMEMBER SMEMBERS SMISMEMBER SRANDMEMBER
    SSCAN STRLEN SUBSTR SUNION TIME TOUCH TTL TYPE XINFO XLEN XPENDING XRANGE XREAD XREVRANGE ZCARD ZCOUNT ZDIFF ZINTER
    ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREVRANGE ZREVRANGEBYLEX
    ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION
    """

READ_ONLY = frozenset(_READS.split())

#: Reads that would let the holder of a read-only token enumerate the database.
_NOT_FOR_READ_ONLY_TOKEN = frozenset({"KEYS", "RANDOMKEY", "SCAN"})


def word(argument: Argument) -> str:
    """Return an argument as an upper-case word, for comparison with names of commands and options."""
    return (argument if isinstance(argument, str) else argument.decode("latin-1")).upper()


def only_reads(command: Command) -> bool:
    """Tell whether a command leaves the data as it is; an unknown one counts as a write."""
    return word(command[0]) in READ_ONLY


def check(command: Command, *, read_only: bool) -> None:
    """Refuse a command that Upstash would refuse.

    Args:
        command: Name and arguments, at least the name.
        read_only: Whether the request carries the read-only token.

    Raises:
        RequestRefused: With the text that the client is to see.
    """
    name = word(command[0])
    if read_only and (name not in READ_ONLY or name in _NOT_FOR_READ_ONLY_TOKEN):
        shown = _shown(name.lower())
        raise RequestRefused(
            f"NOPERM this user has no permissions to run the '{shown}' command or its subcommand"
        )
    if name in REFUSED or (name in ("XREAD", "XREADGROUP") and _blocks(command)):
        raise _unavailable(name)
    if name in SUBCOMMANDS and len(command) > 1:
        _check_subcommand(name, command)


def _check_subcommand(name: str, command: Command) -> None:
    subcommand = word(command[1])
    if subcommand not in SUBCOMMANDS[name]:
        raise _unavailable(f"{name} {_shown(subcommand)}")
    if (name, subcommand) == ("CONFIG", "SET") and any(word(s) != _OPEN_SETTING for s in command[2::2]):
        raise RequestRefused(f"ERR Unsupported CONFIG parameter: only {_OPEN_SETTING.lower()} can be set")


def _blocks(command: Command) -> bool:
    """Tell whether XREAD or XREADGROUP carries BLOCK among its options, which end at STREAMS."""
    position = 1
    while position < len(command):
        option = word(command[position])
        if option == "STREAMS":
            return False
        if option == "BLOCK":
            return True
        position += 3 if option == "GROUP" else 1  # a group or a consumer may itself be named BLOCK
    return False


def _unavailable(name: str) -> RequestRefused:
    return RequestRefused(f"ERR Command is not available: '{name}'. Upstash does not offer it over REST")


def _shown(name: str) -> str:
    """Return a client's word fit for an error line: on one line, and not longer than any real command."""
    return " ".join(name.split())[:64]
