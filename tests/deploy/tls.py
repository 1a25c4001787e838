"""A Redis that speaks TLS only, with a certificate by a CA of the tests' own. The embedded server has no TLS."""

from __future__ import annotations

import datetime
import socket
import ssl
import subprocess
from pathlib import Path
from time import monotonic, sleep

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.deploy.nginx import require
from tests.support.server import free_port

PASSWORD = "password-of-the-tests"


class Authority:
    """A certificate authority in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.crt"
        certificate = self._sign(self._name, self._key.public_key(), x509.BasicConstraints(True, None))
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str) -> tuple[Path, Path]:
        """Files of a certificate for a host, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = self._sign(subject, key.public_key(), names)
        files = self._folder / f"{host}.crt", self._folder / f"{host}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )


class TlsRedis:
    """`redis-server` on a TLS port, for `localhost`."""

    def __init__(self, folder: Path) -> None:
        program = require("redis-server")
        self.authority = Authority(folder, "own-authority")
        self.stranger = Authority(folder, "another-authority")
        certificate, key = self.authority.issue("localhost")
        self.port = free_port()
        options = ["--port", "0", "--tls-port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        options += ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--dir", str(folder)]
        options += ["--tls-ca-cert-file", str(self.authority.file), "--tls-auth-clients", "no"]
        options += ["--requirepass", PASSWORD, "--appendonly", "yes", "--maxmemory", "64mb"]
        self.process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        self._wait()

    def url(self, host: str = "localhost", *, scheme: str = "rediss", ca: Path | None = None) -> str:
        """Its address as REDIS_URL holds it."""
        query = f"?ssl_ca_certs={ca}" if ca else ""
        return f"{scheme}://default:{PASSWORD}@{host}:{self.port}/0{query}"

    def _wait(self) -> None:
        context = ssl.create_default_context(cafile=str(self.authority.file))
        deadline = monotonic() + 10
        while monotonic() < deadline:
            assert self.process.poll() is None, "redis-server ended"
            try:
                with (
                    socket.create_connection(("127.0.0.1", self.port), 1) as plain,
                    context.wrap_socket(plain, server_hostname="localhost"),
                ):
                    return
            except OSError:
                sleep(0.02)
        raise AssertionError("redis-server did not answer within 10 s")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
