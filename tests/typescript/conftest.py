"""The API of tests/api, over either transport."""

from tests.api.conftest import (  # noqa: F401  # fixtures
    _no_settings_from_outside,
    api,
    engine,
    make_app,
)
