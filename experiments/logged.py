"""Runs at Weights & Biases: their files as artifacts, and the way back from there into a folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recloop.experiments.errors import UsageError
from recloop.experiments.manifest import ended, results, write_manifest
from recloop.experiments.wandb_places import environ, environment

if TYPE_CHECKING:
    import wandb

CONTENTS: Mapping[str, tuple[str, ...]] = {
    "run": ("config.json", "manifest.json", "metrics.jsonl", "episodes.parquet", "table.txt"),
    "model": ("checkpoints/final.safetensors", "checkpoints/projection.safetensors"),
    "report": ("report.html", "table.txt"),
}
"""Files of the run folder, by the type of the artifact that holds them; `model-RUN_ID` is its name."""

FILE_BYTES = 2_000_000_000
"""The largest file that is fetched."""

_UPLOAD_SECONDS = 60
_ANSWER_SECONDS = 20


def log_artifacts(run: "wandb.Run", folder: Path) -> None:
    """Log what `folder` holds of `CONTENTS`; the models of a suite's cells become the inputs of its report.

    Raises:
        ValueError: W&B would be told where the user's home is. It stores the path of each file, here relative to the
            working folder, from which `wandb sync` finds it later.
    """
    if Path.home().name in Path(os.path.relpath(folder)).parts:
        raise ValueError(f"it would store the path of {folder} and so name your home; start recloop inside your home")
    facts = json.loads((folder / "manifest.json").read_bytes())
    final = folder / "wandb" / "manifest.json"
    write_manifest(final, ended(facts, "finished", results(folder)))
    logged = [_logged(run, folder, kind, final, facts) for kind in CONTENTS if any(_present(folder, kind))]
    if run.offline:  # then W&B takes no inputs, and there is nothing to wait for
        return
    for artifact in logged:
        artifact.wait(timeout=_UPLOAD_SECONDS)
    for path in sorted(folder.glob("cells/*/wandb/id.txt")):
        if (path.parents[1] / CONTENTS["model"][0]).is_file():
            run.use_artifact(f"model-{path.read_text()}:latest")


def _logged(run: "wandb.Run", folder: Path, kind: str, manifest: Path, facts: Mapping[str, Any]) -> "wandb.Artifact":
    import wandb

    metadata = {key: facts[key] for key in ("seeds", "fingerprints", "code")}
    artifact = wandb.Artifact(f"{kind}-{run.id}", kind, metadata=metadata)
    for name in _present(folder, kind):
        source = manifest if name == "manifest.json" else folder / name
        artifact.add_file(os.path.relpath(source), name, policy="immutable", skip_cache=True)  # copies nothing
    return run.log_artifact(artifact)


def _present(folder: Path, kind: str) -> Iterator[str]:
    return (name for name in CONTENTS[kind] if (folder / name).is_file())


def fetch_run(path: str, into: Path) -> Path:
    """Bring a run that recloop has logged back from W&B: record and weights, in the new folder `into / run_id`.

    The run may be a stranger's: only files of `CONTENTS` are fetched, up to `FILE_BYTES` each, nothing that W&B merely
    refers to, and what they hold is for `read_run` to check.

    Args:
        path: `entity/project/run_id`.
        into: where the folder is made.

    Raises:
        UsageError: there is no such run, it holds no record, the server does not answer, or a file is too large.
    """
    if not re.fullmatch(r"(\w[\w.-]*/){2}\w[\w-]*", path, re.ASCII):
        raise UsageError(f"{path!r} is no run of W&B's; write entity/project/run_id")
    project, _, run_id = path.rpartition("/")
    folder = into / run_id
    if folder.exists():
        raise UsageError(f"{folder} exists already; remove it, or fetch {path} elsewhere")
    try:
        with environ(environment(folder, server=True)):
            _fetch(project, run_id, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder / "wandb", ignore_errors=True)
    return folder


def _fetch(project: str, run_id: str, folder: Path) -> None:
    import wandb

    try:
        api = wandb.Api(overrides={"entity": project.partition("/")[0]}, timeout=_ANSWER_SECONDS)
        for kind in ("run", "model"):
            name = f"{project}/{kind}-{run_id}:latest"
            if kind == "run" or api.artifact_exists(name, kind):
                _download(api.artifact(name, kind), CONTENTS[kind], folder)
    except UsageError:
        raise
    except Exception as error:  # wandb lets through those of requests, pydantic, sockets
        reason = str(error).partition("\n")[0]
        remedy = "check its name and `wandb login`; recloop must have logged it, to its end"
        raise UsageError(f"{project}/{run_id}: W&B says {type(error).__name__}: {reason}; {remedy}") from error


def _download(artifact: "wandb.Artifact", expected: tuple[str, ...], folder: Path) -> None:
    if artifact.file_count > len(expected) or artifact.size > FILE_BYTES:  # before the list of them is fetched
        raise UsageError(f"{artifact.name}: {artifact.file_count} files of {artifact.size:,} bytes; is it recloop's?")
    entries = artifact.manifest.entries
    for name, entry in entries.items():
        if name not in expected or entry.ref is not None or not 0 <= (entry.size or 0) <= FILE_BYTES:
            raise UsageError(f"{artifact.name}: {name[:80]!r} is no file of recloop's; log the run with recloop")
    artifact.download(root=str(folder), skip_cache=True)
    for name, entry in entries.items():
        if (folder / name).stat().st_size != entry.size:
            raise UsageError(f"{artifact.name}: {name} is not as large as it should be; log the run again")


def mirror_rows(folder: Path) -> list[dict[str, Any]]:
    """The rows that W&B's offline runs hold, each with its number under `row`, as `read_journal` gives them.

    Args:
        folder: a run folder of recloop's, or one `offline-run-...` folder.

    Raises:
        UsageError: there is no offline run, or W&B cannot read it.
    """
    runs = [folder] if folder.name.startswith("offline-run-") else sorted(folder.glob("wandb/offline-run-*"))
    if not runs:
        raise UsageError(f"{folder}: holds no offline run of W&B's; name a run folder with wandb/offline-run-...")
    return [row for run in runs for row in _rows(run)]


def _rows(run: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(run)]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        raise UsageError(f"{run}: W&B cannot read it: {answer.stderr.strip().splitlines()[-1:]}")
    records = [json.loads(line) for line in answer.stdout.splitlines()]
    return [_row(record["history"]["item"]) for record in records if record["type"] == "history"]


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"row": item["_step"], **{key: value for key, value in item.items() if not key.startswith("_")}}
