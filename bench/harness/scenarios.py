"""What is measured: the work, and who does it."""
import dataclasses

PEERS = ("ws", "socketio", "nchan", "nats")
PATHS = ("ws", "nchan")  # have a room for each path, and answer GET


@dataclasses.dataclass(frozen=True)
class Scenario:
    about: str
    mode: str  # of the load generator
    load: dict  # its options
    servers: tuple = ("starling",)
    # What is different for one of `servers`. One that is no server's name has a "server" here.
    own: dict = dataclasses.field(default_factory=dict)
    seconds: int = 10  # of each run; 0: as long as it takes
    rounds: int = 3  # of A B B A
    pinned: bool = True  # the server to one CPU, the clients to another
    dies: bool = False  # the server is killed in the middle and started again
    files: int = 0  # that a process must be allowed to open


def _open(members, rate, servers=("starling", *PEERS), **rest):
    return Scenario(f"1 to {members:,}, {rate:,} messages a second: {members * rate:,} deliveries "
                    "a second, open loop", "open",
                    {"members": members, "rate": rate, "bytes": 100}, servers, **rest)


def _flight(members, window):
    return Scenario(f"1 to {members:,}, {window} messages in flight", "closed",
                    {"members": members, "window": window, "bytes": 100}, ("starling", *PEERS))


def _echo(connections):
    return Scenario(f"echo of 64 bytes on {connections:,} connections", "closed",
                    {"rooms": connections, "members": 1, "window": 1, "bytes": 64},
                    ("starling", *PATHS), {"starling": {"peer": "raw", "path": "/echo"}})


def _idle(members):
    return Scenario(f"{members:,} members that say nothing", "idle",
                    {"members": members, "settle": 10}, ("starling", *PEERS), seconds=0, rounds=1,
                    files=members + 200)


def _two_shards(about, mode, **load):
    return Scenario(f"one shard and two: {about}", mode, {"bytes": 100, **load},
                    ("starling", "starling-2"), pinned=False)


def _fleet(about, mode, servers=("starling-mysql", "starling-fleet"), **load):
    return Scenario(f"one server on MariaDB and three: {about}", mode, {"bytes": 100, **load}, servers,
                    pinned=False)


OFFERED = (25, 50, 100, 200, 400, 800, 1_600, 3_200)

SCENARIOS = {
    "fanout-100": _open(100, 200),
    "fanout-1000": _open(1_000, 150),
    **{f"flight-{members}-{window}": _flight(members, window)
       for members in (100, 1_000) for window in (10, 30, 160)},
    "fast-1000": _open(1_000, 5_000, ("starling",)),
    "rooms-100x10": Scenario(
        "100 rooms of 10, 10 messages in flight in each", "closed",
        {"rooms": 100, "members": 10, "window": 10, "bytes": 100}, ("starling", *PEERS)),
    "echo-100": _echo(100),
    "echo-1000": _echo(1_000),
    "connect-10000": Scenario(
        "10,000 handshakes, 64 on their way at a time", "connect",
        {"members": 1, "count": 10_000, "window": 64}, ("starling", *PEERS), seconds=0,
        files=10_200),
    **{f"idle-{members}": _idle(members) for members in (10_000, 18_000, 100_000)},
    "resume-10000": Scenario(
        "10,000 members, 100 rooms; the server is killed and comes back, all return at once",
        "resume", {"rooms": 100, "members": 100, "rate": 1, "drain": 60}, rounds=1, dies=True,
        files=10_200),
    "presence-2000": Scenario(
        "2,000 users join and go, 64 at a time, in 10 rooms of 100 members each", "connect",
        {"rooms": 10, "members": 100, "count": 2_000, "window": 64, "join": True, "leave": True},
        seconds=0),
    "rest-mix": Scenario(
        "REST on 32 connections: of ten calls seven read a room, two write, one looks for a user",
        "requests", {"window": 32}),
    "rest-get": Scenario(
        "GET of a small JSON on 32 connections", "requests", {"window": 32, "get": "/small"},
        ("starling", *PATHS), {"starling": {"get": "/livez"}}),
    "slow-readers": Scenario(
        "2,000 members, 20 messages of 1,000 bytes a second; in the second one member reads nothing",
        "open", {"members": 2_000, "rate": 20, "bytes": 1_000}, ("all-read", "one-stalls"),
        {"all-read": {"server": "starling"}, "one-stalls": {"server": "starling", "stalled": 1}},
        seconds=40, rounds=1),
    "shards-room": _two_shards("1,000 members of one room, 150 messages a second", "open",
                               members=1_000, rate=150),
    "shards-rooms": _two_shards("20 rooms of 100, 10 messages in flight in each", "closed",
                                rooms=20, members=100, window=10),
    "shards-full": _two_shards("1 to 1,000, 160 messages in flight", "closed",
                               members=1_000, window=160),
    **{f"fleet-{rate}": _fleet(
        f"10 rooms of 9, {rate:,} messages a second in all; one on SQLite, three without a bus", "open",
        ("starling", "starling-mysql", "starling-fleet", "starling-polling"),
        rooms=10, members=9, rate=rate // 10) for rate in (100, 1_000)},
    # Senders are dealt to the servers in turn.
    "fleet-rooms": _fleet("100 rooms of 4, 10 messages in flight in each", "closed",
                          rooms=100, members=4, window=10),
    "fleet-hot": _fleet("one room of 9 who all write, 20 messages in flight for each", "closed",
                        **{"one-room": True}, rooms=9, members=1, window=20),
    **{f"offered-{rate}": _open(1_000, rate, ("starling", "ws"), seconds=5, rounds=1)
       for rate in OFFERED},
    "soak": Scenario(
        "10 rooms of 50, 10 messages a second in each, ten minutes", "open",
        {"rooms": 10, "members": 50, "rate": 10, "bytes": 100}, seconds=600, rounds=1),
}


def chosen(names):
    """The scenarios that `names` mean: a name, what stands before its first "-", or "all"."""
    found = []
    for name in names:
        meant = [known for known in SCENARIOS if name in (known, known.split("-")[0], "all")]
        if not meant:
            raise KeyError(name)
        found += [known for known in meant if known not in found]
    return found
