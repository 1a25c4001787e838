"""The guarded fetcher: what it refuses, against a real TLS server and resolvers that lie."""

import http.server
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from tests.worker_host.handlers.mail_server import make_certificate, tls_context
from worker_host.addresses import refusal
from worker_host.control import Reject, RetryAfter
from worker_host.fetcher import FetchError, fetch, resolve
from worker_host.handler_settings import FetchSettings

MAX = 10_000
PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "2606:2800:220:1:248:1893:25c8:1946",
    "64:ff9b::808:808",
    "::ffff:8.8.8.8",
]
REFUSED = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
    "private": [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "fd12::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
    ],
    "carrier-grade NAT": ["100.64.0.1", "100.127.255.255"],
    "link-local": ["169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254"],
    "metadata service": ["168.63.129.16", "100.100.100.200", "fd00:ec2::254"],
    "unspecified": ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1"],
    "reserved": [
        "240.0.0.1",
        "255.255.255.255",
        "192.0.0.192",
        "198.18.0.1",
        "fec0::1",
        "::7f00:1",
        "4000::1",
    ],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "tunnel": ["2002:7f00:1::", "2002:a00:1::1", "2001:0:53aa:64c::1", "64:ff9b:1::a00:1"],
}


@pytest.mark.parametrize(("kind", "address"), [(kind, one) for kind, many in REFUSED.items() for one in many])
def test_refused_address(kind, address):
    assert refusal(address) == kind


@pytest.mark.parametrize(
    "address", [*PUBLIC, "11.0.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "2a00::1"]
)
def test_public_address(address):
    assert refusal(address) is None


def test_allowing_private_addresses_does_not_open_the_rest():
    opened = {
        kind
        for kind, many in REFUSED.items()
        if all(refusal(one, allow_private=True) is None for one in many)
    }
    closed = {
        kind
        for kind, many in REFUSED.items()
        if all(refusal(one, allow_private=True) == kind for one in many)
    }
    assert opened == {"loopback", "private", "carrier-grade NAT"}
    assert closed == set(REFUSED) - opened


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers by path; `seen` keeps the Host of every request that arrived."""

    seen: list[str]

    def do_GET(self):
        self.seen.append(self.headers["Host"])
        name, _, argument = self.path.partition("?")[0].strip("/").partition("/")
        getattr(self, f"page_{name}")(argument)

    def answer(self, status=200, body=b"", **headers):
        self.send_response(status)
        for key, value in {"Content_Length": str(len(body)), **headers}.items():
            if value:
                self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def page_hello(self, _):
        self.answer(body=b"hello", Content_Type="Text/CSV; charset=utf-8")

    def page_status(self, argument):
        status, _, retry_after = argument.partition("/")
        self.answer(int(status), **({"Retry_After": retry_after.replace("_", " ")} if retry_after else {}))

    def page_to(self, argument):
        self.answer(302, Location=argument.replace("~", "/"))

    def page_loop(self, _):
        self.answer(302, Location="/loop")

    def page_gzip(self, _):
        self.answer(body=b"\x1f\x8b", Content_Encoding="gzip")

    def page_size(self, argument):
        self.answer(body=b"x" * int(argument))

    def page_endless(self, _):
        self.answer(Content_Length="", Transfer_Encoding="chunked")
        self.drip(b"400\r\n" + b"x" * 1024 + b"\r\n", 0.0)

    def page_short(self, _):
        self.answer(body=b"half", Content_Length="100")

    def page_slowbody(self, _):
        self.answer(Content_Length="1000")
        self.drip(b"x", 0.05)

    def page_slowhead(self, _):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.drip(b"X-A: 1\r\n", 0.05)

    def drip(self, piece, pause_s):
        try:
            for _ in range(1000):
                self.wfile.write(piece)
                time.sleep(pause_s)
        except OSError:
            self.close_connection = True  # the reader went away, which is what these pages are for

    def log_message(self, *_):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that breaks off is part of these tests."""


@contextmanager
def served(context=None):
    seen = []
    handler = type("Handler", (Pages,), {"seen": seen})
    server = QuietServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls_server(certificate):
    with served(tls_context(certificate)) as server:
        yield server


@pytest.fixture
def server(tls_server):
    port, seen = tls_server
    seen.clear()
    return port, seen


@pytest.fixture
def settings(certificate):
    """Reaches the test's server: it is on the loopback and on an odd port."""
    return FetchSettings(
        fetch_allow_private=True, fetch_ports="any", fetch_ca_file=certificate, fetch_timeout_seconds=5.0
    )


def loopback(host, port):
    return ["127.0.0.1"]


def get(path, server, settings, resolver=loopback, host="files.test", max_bytes=MAX):
    return fetch(
        f"https://{host}:{server[0]}/{path}", max_bytes=max_bytes, settings=settings, resolver=resolver
    )


def test_body_type_and_path_by_the_original_name(server, settings):
    fetched = get("hello/a.csv?token=secret", server, settings)
    assert (fetched.content, fetched.content_type, fetched.path) == (b"hello", "text/csv", "/hello/a.csv")
    assert server[1] == [f"files.test:{server[0]}"]


def test_certificate_must_be_of_the_name_although_an_address_is_connected(server, settings):
    with pytest.raises(FetchError, match="certificate verify failed"):
        get("hello", server, settings, host="other.test")
    assert server[1] == []


def test_certificate_nobody_vouches_for(server, settings):
    with pytest.raises(FetchError, match="certificate verify failed"):
        get("hello", server, settings.model_copy(update={"fetch_ca_file": None}))


def test_every_address_of_the_answer_is_judged(server, settings):
    strict = settings.model_copy(update={"fetch_allow_private": False})
    with pytest.raises(Reject, match=r"files\.test leads to 127\.0\.0\.1 \(loopback\)"):
        get("hello", server, strict, resolver=lambda *_: ["93.184.216.34", "127.0.0.1"])
    assert server[1] == []


def test_name_is_looked_up_once_and_the_judged_address_is_connected(server, settings):
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    assert get("hello", server, settings, resolver=lambda *_: next(answers)).content == b"hello"
    assert list(answers) == [["169.254.169.254"]]


def test_name_that_turns_to_a_refused_address_is_caught_at_the_redirect(server, settings):
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    with pytest.raises(Reject, match="link-local"):
        get("to/~hello", server, settings, resolver=lambda *_: next(answers))
    assert len(server[1]) == 1


def test_second_address_is_tried_when_the_first_is_dead(server, settings):
    assert get("hello", server, settings, resolver=lambda *_: ["127.0.0.9", "127.0.0.1"]).content == b"hello"


def test_redirect_is_followed(server, settings):
    fetched = get("to/~hello~there", server, settings)
    assert (fetched.content, fetched.path) == (b"hello", "/hello/there")


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("https:~~169.254.169.254~latest", "link-local"),
        ("https:~~[fd00:ec2::254]~", "metadata service"),
        ("http:~~files.test~hello", "only https"),
        ("file:~~~etc~passwd", "only https"),
        ("https:~~user:pw@files.test~", "credentials"),
        ("https:~~[bad", "not valid"),
        ("https:~~files.test:port~", "not valid"),
    ],
)
def test_redirect_to_what_is_refused(server, settings, location, why):
    with pytest.raises(Reject, match=why):
        get(
            f"to/{location}",
            server,
            settings,
            resolver=lambda host, _: [loopback(host, _)[0] if "test" in host else host],
        )
    assert len(server[1]) == 1


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("10.0.0.1", "private"),
        ("192.168.1.1", "private"),
        ("[::1]", "loopback"),
        ("[::ffff:10.0.0.1]", "private"),
        ("[fd12::1]", "private"),
        ("2130706434", "loopback"),
        ("100.64.0.1", "carrier-grade NAT"),
    ],
)
def test_redirect_into_the_own_network(server, settings, monkeypatch, host, why):
    """With the settings that everybody has, but for the one address at which this test's server stands."""
    strict = settings.model_copy(update={"fetch_allow_private": False})
    monkeypatch.setattr(
        "worker_host.fetcher.refusal",
        lambda address, **kinds: None if address == "127.0.0.1" else refusal(address, **kinds),
    )
    with pytest.raises(Reject, match=why):
        get(
            f"to/https:~~{host}:{server[0]}~hello",
            server,
            strict,
            resolver=lambda name, port: ["127.0.0.1"] if name == "files.test" else resolve(name, port),
        )
    assert len(server[1]) == 1


def test_redirects_are_bounded(server, settings):
    with pytest.raises(Reject, match="more than 5 redirects"):
        get("loop", server, settings)
    assert len(server[1]) == 6


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://files.test/", "only https"),
        ("ftp://files.test/", "only https"),
        ("file:///etc/passwd", "only https"),
        ("/etc/passwd", "only https"),
        ("https:///path", "only https|not valid"),
        ("https://user:pw@files.test/", "credentials"),
        ("https://user@files.test/", "credentials"),
        ("https://files.test:22/", "port 22 is not among FETCH_PORTS"),
        ("https://files.test:99999/", "not valid"),
        ("https://files.test:0/", "not valid"),
        ("https://files\n.test/", "not valid"),
        ("https://fi les.test/", "not valid"),
        ("https://127.0.0.1%2f.files.test/", "not valid"),
        ("https://[fe80::1%25eth0]/", "not valid"),
        ("https://127.0.0.1/", "loopback"),
        ("https://[::1]/", "loopback"),
        ("https://[::ffff:127.0.0.1]/", "loopback"),
        ("https://2130706433/", "loopback"),
        ("https://0x7f.1/", "loopback"),
        ("https://0/", "unspecified"),
        ("https://0x7f000001/", "loopback"),
        ("https://0177.0.0.1/", "loopback|not valid"),
        ("https://127.1/", "loopback"),
        ("https://127.0.1/", "loopback"),
        ("https://127.255.255.254/", "loopback"),
        ("https://[0:0:0:0:0:0:0:1]/", "loopback"),
        ("https://[0000::0001]/", "loopback"),
        ("https://[::ffff:7f00:1]/", "loopback"),
        ("https://[::127.0.0.1]/", "reserved"),
        ("https://[64:ff9b::127.0.0.1]/", "loopback"),
        ("https://[2002:7f00:1::]/", "tunnel"),
        ("https://[::ffff:169.254.169.254]/", "link-local"),
        ("https://[fe80::1]/", "link-local"),
        ("https://2852039166/", "link-local"),
        ("https://[::]/", "unspecified"),
        ("https://0.0.0.0/", "unspecified"),
        ("https://\uff11\uff12\uff17.0.0.1/", "loopback|not valid"),
        ("https://\u2460\u2461\u2466.0.0.1/", "loopback|not valid"),
        ("https://LOCALHOST/", "loopback"),
        ("https://localhost/", "loopback"),
        ("https://169.254.169.254/latest/meta-data", "link-local"),
    ],
)
def test_url_that_is_refused_by_the_settings_everybody_has(url, why):
    with pytest.raises(Reject, match=why) as caught:
        fetch(url, max_bytes=MAX, settings=FetchSettings(), resolver=resolve)
    assert "pw" not in str(caught.value)


def test_http_and_its_port_need_the_setting(settings):
    with served() as (port, _):
        url = f"http://files.test:{port}/hello"
        allowed = settings.model_copy(update={"fetch_allow_http": True})
        assert fetch(url, max_bytes=MAX, settings=allowed, resolver=loopback).content == b"hello"
        with pytest.raises(Reject, match="only https"):
            fetch(url, max_bytes=MAX, settings=settings, resolver=loopback)


def test_proxies_of_the_environment_are_not_used(server, settings, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert get("hello", server, settings).content == b"hello"


@pytest.mark.parametrize("path", [f"size/{MAX + 1}", "endless"])
def test_body_over_the_limit_is_rejected(server, settings, path):
    with pytest.raises(Reject, match="larger than 10000 bytes"):
        get(path, server, settings)


def test_body_of_exactly_the_limit(server, settings):
    assert len(get(f"size/{MAX}", server, settings).content) == MAX


def test_encoded_body_is_rejected_because_it_may_be_a_bomb(server, settings):
    with pytest.raises(Reject, match="compresses"):
        get("gzip", server, settings)


def test_body_that_breaks_off_is_retried(server, settings):
    with pytest.raises(FetchError, match="received 4 bytes, expected 100"):
        get("short", server, settings)


@pytest.mark.parametrize("path", ["slowbody", "slowhead"])
def test_dripping_bytes_do_not_move_the_deadline(server, settings, path):
    began = time.monotonic()
    with pytest.raises(FetchError, match="Timeout"):
        get(path, server, settings.model_copy(update={"fetch_timeout_seconds": 0.4}))
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 304])
def test_answer_that_is_final_is_rejected(server, settings, status):
    with pytest.raises(Reject, match=f"answered {status}"):
        get(f"status/{status}?signature=secret", server, settings)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_answer_that_may_pass_is_retried(server, settings, status):
    with pytest.raises(FetchError, match=f"answered {status}") as caught:
        get(f"status/{status}?signature=secret", server, settings)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("999999999", 86_400),
        ("Wed,_01_Jan_2020_00:00:00_GMT", 0),
        ("Fri,_01_Jan_2100_00:00:00_GMT", 86_400),
    ],
)
def test_server_says_when_to_come_back(server, settings, header, seconds):
    with pytest.raises(RetryAfter) as caught:
        get(f"status/429/{header}", server, settings)
    assert caught.value.seconds == seconds


@pytest.mark.parametrize("header", ["soon", "-5", "1.5"])
def test_retry_after_that_is_none_leaves_the_backoff(server, settings, header):
    with pytest.raises(FetchError):
        get(f"status/503/{header}", server, settings)


def test_name_without_an_address_is_retried(server, settings):
    def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(FetchError, match="Name or service not known"):
        get("hello", server, settings, resolver=unknown)


def test_server_that_is_away_is_retried(settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(FetchError, match="cannot be read"):
            get("hello", taken.getsockname()[1:], settings)


def test_label_that_is_too_long_is_rejected():
    with pytest.raises(Reject):
        fetch(f"https://{'a' * 70}.test/", max_bytes=MAX, settings=FetchSettings())
