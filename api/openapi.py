"""Write the OpenAPI document: `python -m api.openapi [FILE]`, `docs/openapi.json` by default."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from api.app import create_app
from api.settings import ApiSettings

DEFAULT_FILE = Path(__file__).parent.parent / "docs" / "openapi.json"


def document_text() -> str:
    """The document as it is kept in the repository."""
    return (
        json.dumps(create_app(ApiSettings.model_construct()).openapi(), indent=2, ensure_ascii=False) + "\n"
    )


def main() -> None:
    """Write the file."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FILE
    target.write_text(document_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
