"""The base of the project's models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class LazyModel(BaseModel):
    """Builds its validator at its first use: a cold start pays for the models that it serves."""

    model_config = ConfigDict(defer_build=True)
