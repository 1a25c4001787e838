import os

import pytest

PREFIXES = ("SMTP_", "OUTBOX_", "FETCH_", "STORAGE_", "S3_", "AWS_", "DATA_", "IMAGE_")


@pytest.fixture(autouse=True)
def only_settings_of_the_test(monkeypatch, tmp_path):
    """No variable of the machine reaches a handler, and nothing is written outside tmp_path."""
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OUTBOX_DIR", str(tmp_path / "outbox"))
    monkeypatch.setenv("STORAGE_URL", f"file:{tmp_path / 'storage'}")
