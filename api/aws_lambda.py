"""AWS Lambda behind a function URL or an HTTP API; needs the extra `aws`.

`lifespan="off"`: with it on, every invocation would start and stop the application.
"""

from __future__ import annotations

from mangum import Mangum

from api.index import app as fastapi_app

#: Answered as text; Mangum sends anything else in base64, a third larger and unreadable in logs.
_TEXT = ["text/", "application/json", "application/problem+json", "application/javascript"]

handler = Mangum(fastapi_app, lifespan="off", text_mime_types=_TEXT)
