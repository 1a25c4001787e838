"""AWS Lambda behind a function URL or an HTTP API; needs the extra `aws`.

`lifespan="off"`: with it on, every invocation would start and stop the application.
"""

from __future__ import annotations

from mangum import Mangum

from api.index import app as fastapi_app

handler = Mangum(fastapi_app, lifespan="off")
