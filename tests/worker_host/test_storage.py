"""Storage: the same promises of a folder and of a bucket on a real S3 API."""

import logging
import os
import socket
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from shared.errors import SettingsError
from worker_host.handler_settings import StorageSettings
from worker_host.storage import BadAddress, ObjectMissing, StorageError, checked_key, open_storage

AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
MAX = 1_000_000


@pytest.fixture(scope="module")
def s3_endpoint():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_bucket(Bucket="files")
    yield endpoint, client
    client.close()
    server.stop()


@pytest.fixture(params=["folder", "bucket", "bucket with prefix"])
def settings(request, tmp_path, monkeypatch):
    if request.param == "folder":
        return StorageSettings(storage_url=f"file:{tmp_path / 'some where'}")
    endpoint, _ = request.getfixturevalue("s3_endpoint")
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    prefix = "/a/b" if "prefix" in request.param else ""
    return StorageSettings(storage_url=f"s3://files{prefix}", s3_endpoint_url=endpoint)


@pytest.fixture
def storage(settings):
    return open_storage(settings)


def test_what_was_put_is_got_by_address_and_by_key(storage):
    content = os.urandom(100_000)
    address = storage.put("reports/2026/one.bin", content, "application/octet-stream")
    assert address.endswith("/reports/2026/one.bin")
    assert address.startswith(("file:///", "s3://files/"))
    assert storage.get(address, MAX) == content
    assert storage.get("reports/2026/one.bin", MAX) == content


def test_put_replaces_and_empty_is_allowed(storage):
    storage.put("again", b"first", "text/plain")
    address = storage.put("again", b"", "text/plain")
    assert storage.get(address, MAX) == b""


def test_address_is_good_for_another_worker_with_the_same_settings(storage, settings):
    address = storage.put("shared.txt", b"hello", "text/plain")
    assert open_storage(settings).get(address, MAX) == b"hello"


def test_missing_object_is_named(storage):
    with pytest.raises(ObjectMissing, match="nothing is stored at 'no/such'"):
        storage.get("no/such", MAX)


def test_object_over_the_limit_is_not_read(storage):
    storage.put("big", b"x" * 1001, "text/plain")
    assert len(storage.get("big", 1001)) == 1001
    with pytest.raises(BadAddress, match="1001 bytes, more than the 1000"):
        storage.get("big", 1000)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../../up",
        "a/..",
        "a//b",
        "a/",
        "./a",
        ".hidden",
        "a/.part",
        "a\\b",
        "a b",
        "a%2e%2e",
        "a\x00b",
        "a\n",
        "ä",
        "x" * 129,
        "/".join(["x"] * 17),
    ],
)
def test_key_that_is_none(storage, key):
    with pytest.raises(BadAddress, match="is no storage key"):
        storage.put(key, b"", "text/plain")
    with pytest.raises(BadAddress):
        storage.get(key, MAX)


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "s3://others/key",
        "s3://filesystem/key",
        "http://127.0.0.1/key",
        "C:/windows/win.ini",
    ],
)
def test_address_elsewhere_is_refused(storage, address):
    with pytest.raises(BadAddress, match="outside of this worker's storage"):
        storage.get(address, MAX)


def test_address_that_climbs_out_of_its_own_base_is_refused(storage):
    address = storage.put("inside", b"", "text/plain")
    with pytest.raises(BadAddress):
        storage.get(address.removesuffix("inside") + "../../outside", MAX)


def test_bucket_keeps_the_content_type_and_the_prefix(s3_endpoint, monkeypatch):
    endpoint, client = s3_endpoint
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    storage = open_storage(StorageSettings(storage_url="s3://files/deep/er/", s3_endpoint_url=endpoint))
    assert storage.put("x.csv", b"a\n1\n", "text/csv") == "s3://files/deep/er/x.csv"
    found = client.get_object(Bucket="files", Key="deep/er/x.csv")
    assert found["ContentType"] == "text/csv"
    assert found["Body"].read() == b"a\n1\n"


def test_bucket_that_does_not_exist_is_an_error_with_its_address(s3_endpoint, monkeypatch):
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    storage = open_storage(StorageSettings(storage_url="s3://nowhere", s3_endpoint_url=s3_endpoint[0]))
    with pytest.raises(StorageError, match="s3://nowhere/x cannot be written"):
        storage.put("x", b"", "text/plain")


def test_bucket_that_is_away_is_an_error_and_not_a_long_wait(monkeypatch):
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        storage = open_storage(StorageSettings(storage_url="s3://files", s3_endpoint_url=endpoint))
        with pytest.raises(StorageError, match="cannot be read"):
            storage.get("x", MAX)


def test_files_can_be_read_by_whom_the_umask_allows(tmp_path):
    address = open_storage(StorageSettings(storage_url=f"file:{tmp_path}")).put("x", b"", "text/plain")
    umask = os.umask(0)
    os.umask(umask)
    assert Path(address.removeprefix("file://")).stat().st_mode & 0o777 == 0o666 & ~umask


def test_link_that_leads_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "dir").symlink_to(tmp_path)
    storage = open_storage(StorageSettings(storage_url=f"file:{root}"))
    for key in ("link", "dir/secret"):
        with pytest.raises(BadAddress, match="leads out"):
            storage.get(key, MAX)
        with pytest.raises(BadAddress, match="leads out"):
            storage.put(key, b"overwritten", "text/plain")
    assert (tmp_path / "secret").read_text() == "secret"


def test_failed_write_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    storage = open_storage(StorageSettings(storage_url=f"file:{tmp_path}"))
    storage.put("kept", b"old", "text/plain")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        storage.put("kept", b"new", "text/plain")
    assert storage.get("kept", MAX) == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_folder_is_relative_to_where_the_worker_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STORAGE_URL", raising=False)
    address = open_storage().put("x", b"1", "text/plain")
    assert address == (tmp_path / ".data/storage/x").resolve().as_uri()
    assert Path(tmp_path, ".data/storage/x").read_bytes() == b"1"


@pytest.mark.parametrize("url", ["ftp://x/y", "s3://", "/var/lib", "file://server/share", "file:x?y"])
def test_storage_url_that_is_none_names_the_variable(monkeypatch, url):
    monkeypatch.setenv("STORAGE_URL", url)
    with pytest.raises(SettingsError, match="STORAGE_URL"):
        open_storage()


def test_ordinary_keys_pass():
    for key in ("a", "data/0_01JABC.csv", "x=1/y=2/part-0.parquet", "_x", "A.b@c+d"):
        assert checked_key(key) == key
