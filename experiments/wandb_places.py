"""Where W&B may put its files: in one folder, wherever else it would put them. And that it does not talk."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def environment(folder: Path, *, server: bool) -> dict[str, str]:
    """Variables that keep W&B quiet and its files in `folder`; with a server, the user's own settings say which."""
    inside = folder.absolute() / "wandb"
    places = {"WANDB_DIR": folder.absolute(), "WANDB_DATA_DIR": inside / "data", "WANDB_CACHE_DIR": inside / "cache"}
    if not server:
        places["WANDB_CONFIG_DIR"] = inside / "config"
    inward = {name: str(place) for name, place in places.items()}
    return {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true", **inward}


@contextmanager
def environ(values: Mapping[str, str]) -> Iterator[None]:
    """The environment variables in `values` have them within the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
