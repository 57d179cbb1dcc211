"""A W&B server in this process, as far as the wandb client asks: runs, rows, artifacts, resuming, sweeps.

It holds what it was sent in plain dictionaries, every body in `received`, and can be told to break. What it answers was
seen to satisfy wandb 0.31; a later client may ask for more.
"""

import base64
import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Fault = Literal["500", "garbage", "empty"]
Json = dict[str, Any]

DATE = "2026-01-01T00:00:00Z"
INFO: Json = {
    "cliVersionInfo": {"max_cli_version": "0.99.0", "min_cli_version": "0.10.0"},
    "latestLocalVersionInfo": None,
    "features": [],
}
VIEWER = {
    "id": "VXNlcg==", "username": "me", "name": "me", "entity": "me", "admin": False, "email": "me@example.org",
    "flags": "{}", "deletedAt": None, "apiKeys": {"edges": []}, "teams": {"edges": []},
}  # fmt: skip


class Server:
    """What the stub holds. `fault` breaks every answer, or those to paths and operations that contain `where`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.fault: Fault | None = None
        self.where = ""
        self.runs: dict[str, Json] = {}
        self.lines: dict[str, dict[int, Json]] = {}  # of the history, by run and offset
        self.artifacts: list[Json] = []
        self.uses: list[tuple[str, str]] = []  # run and the name of the artifact that it takes
        self.blobs: dict[str, bytes] = {}
        self.sweep = ""  # its configuration
        self.trials: list[Json] = []  # of the sweep: the values of its parameters
        self.received: list[bytes] = []
        self.lock = threading.Lock()
        self._sent = 0

    def history(self, run: str) -> list[Json]:
        """The rows of a run in order, without W&B's own columns but the step."""
        lines = [line for _, line in sorted(self.lines.get(run, {}).items())]
        return [{key: value for key, value in line.items() if key == "_step" or key[0] != "_"} for line in lines]

    def files(self, artifact: str) -> dict[str, bytes]:
        """What the latest version of an artifact holds."""
        prefix = f"/blob/{self._found(artifact)['id']}/"
        return {path.removeprefix(prefix): data for path, data in self.blobs.items() if path.startswith(prefix)}

    def stream(self, run: str, sent: Json) -> None:
        """Rows, summary and end of a run; a line that is sent again takes the place that it had."""
        files = sent.get("files") or {}
        history = files.get("wandb-history.jsonl", {"offset": 0, "content": []})
        for offset, line in enumerate(history["content"], start=history["offset"]):
            self.lines.setdefault(run, {})[offset] = json.loads(line)
        for line in files.get("wandb-summary.json", {"content": []})["content"]:
            self.runs[run]["summaryMetrics"] = line
        if sent.get("complete"):
            self.runs[run]["state"] = "failed" if sent.get("exitcode") else "finished"

    def answer(self, operation: str, sent: Json) -> Json:
        """The data of a GraphQL operation."""
        if operation in ("Viewer", "ServerFeaturesQuery"):
            return {"viewer": VIEWER, "serverInfo": INFO}
        handler = getattr(self, f"_{re.sub('(?<!^)(?=[A-Z])', '_', operation).lower()}", None)
        return handler(sent) if handler else {}

    def _upsert_bucket(self, sent: Json) -> Json:
        ids = {run["id"]: name for name, run in self.runs.items()}
        name = sent.get("name") or ids[sent["id"]]
        new = name not in self.runs
        run = self.runs.setdefault(
            name,
            {
                "id": base64.b64encode(f"Run:{name}".encode()).decode(), "name": name, "displayName": name,
                "description": "", "config": "{}", "summaryMetrics": "{}", "tags": [], "notes": None,
                "state": "running", "sweepName": sent.get("sweep"), "group": sent.get("groupName"),
                "jobType": sent.get("jobType"), "host": sent.get("host"), "projectName": sent.get("project"),
            },
        )  # fmt: skip
        run |= {
            key: sent[key] for key in ("config", "summaryMetrics", "displayName", "tags") if sent.get(key) is not None
        }
        return {"upsertBucket": {"bucket": self._bucket(run), "inserted": new}}

    def _run_resume_status(self, sent: Json) -> Json:
        run = self.runs.get(sent["name"])
        return {"model": {**_project(sent["project"]), "bucket": self._bucket(run) if run else None}}

    def _bucket(self, run: Json) -> Json:
        lines = [line for _, line in sorted(self.lines.get(run["name"], {}).items())]
        return {
            **run,
            "historyLineCount": len(lines), "eventsLineCount": 0, "logLineCount": 0, "eventsTail": "[]",
            "historyTail": json.dumps([json.dumps(line) for line in lines[-1:]]),
            "wandbConfig": '{"t": {"1": []}}', "project": _project(run["projectName"]),
        }  # fmt: skip

    def _create_run_files(self, sent: Json) -> Json:
        files = [{"name": name, "uploadUrl": f"{self.url}/blob/run/{sent['run']}/{name}"} for name in sent["files"]]
        return {"createRunFiles": {"runID": self.runs[sent["run"]]["id"], "uploadHeaders": [], "files": files}}

    def _create_artifact(self, sent: Json) -> Json:
        given = sent["input"]
        name, identity = given["artifactCollectionName"], f"QXJ0aWZhY3Q{len(self.artifacts):04d}"
        before = [one for one in self.artifacts if one["name"] == name]
        artifact = {
            "id": identity, "name": name, "type": given["artifactTypeName"], "version": len(before),
            "project": given["projectName"], "digest": given["digest"], "metadata": given.get("metadata") or "{}",
            "run": given.get("runName"), "state": "PENDING",
        }  # fmt: skip
        self.artifacts.append(artifact)
        return {
            "createArtifact": {
                "artifact": {
                    "id": identity,
                    "state": "PENDING",
                    "artifactSequence": {"id": "sequence", "latestArtifact": None},
                }
            }
        }

    def _create_artifact_manifest(self, sent: Json) -> Json:
        url = f"{self.url}/manifest/{sent['artifactID']}"
        file = {"id": "file", "uploadUrl": url, "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": f"m#{sent['artifactID']}", "file": file}}}

    def _create_artifact_files(self, sent: Json) -> Json:
        edges: list[Json] = [
            {
                "node": {
                    "storagePath": f"{one['artifactID']}/{one['name']}",
                    "uploadUrl": f"{self.url}/blob/{one['artifactID']}/{one['name']}",
                    "uploadHeaders": [], "uploadMultipartUrls": None, "artifact": {"id": one["artifactID"]},
                }
            }
            for one in sent["input"]["artifactFiles"]
        ]  # fmt: skip
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _commit_artifact(self, sent: Json) -> Json:
        artifact = self._by_id(sent["artifactID"])
        artifact["state"] = "COMMITTED"
        return {"commitArtifact": {"artifact": {"id": artifact["id"], "digest": artifact["digest"]}}}

    def _artifact_by_i_d(self, sent: Json) -> Json:
        return {"artifact": self._artifact(self._by_id(sent["id"]))}

    def _artifact_type(self, sent: Json) -> Json:
        artifact = self._found(sent["name"])
        return {"project": {"artifact": {"artifactType": {"name": artifact["type"]}} if artifact else None}}

    def _artifact_membership_by_name(self, sent: Json) -> Json:
        artifact = self._found(sent["name"])
        if not artifact:
            return {"project": {"artifactCollectionMembership": None}}
        shown = self._artifact(artifact)
        return {
            "project": {
                "artifactCollectionMembership": {
                    "__typename": "ArtifactCollectionMembership", "id": "member", "createdAt": DATE,
                    "versionIndex": artifact["version"], "aliases": shown["aliases"],
                    "artifactCollection": shown["artifactSequence"], "artifact": shown,
                }
            }
        }  # fmt: skip

    def _use_artifact(self, sent: Json) -> Json:
        artifact = self._by_id(sent["artifactID"])
        self.uses.append((sent["runName"], artifact["name"]))
        return {"useArtifact": {"artifact": self._artifact(artifact)}}

    def _fetch_artifact_manifest(self, sent: Json) -> Json:
        return {"artifact": self._artifact(self._by_id(sent["id"]))}

    def _get_artifact_membership_file_urls(self, sent: Json) -> Json:
        artifact = self._found(sent["collection"])
        nodes = [
            {"__typename": "File", "name": name, "directUrl": f"{self.url}/blob/{artifact['id']}/{name}"}
            for name in self.files(artifact["name"])
        ]
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        files = {"pageInfo": page, "edges": [{"node": node} for node in nodes]}
        member = {"__typename": "ArtifactSequence", "artifactMembership": {"files": files}}
        return {"project": {"artifactCollection": member}}

    def _x_x_hash_digests_enabled(self, sent: Json) -> Json:
        return {"entity": {"xxhashDigestsEnabled": False}}

    def _upsert_sweep(self, sent: Json) -> Json:
        self.sweep = sent["config"]
        sweep = {"id": "U3dlZXA=", "name": "sweep", "project": _project(sent["projectName"])}
        return {"upsertSweep": {"sweep": sweep, "configValidationWarnings": []}}

    def _sweep_with_runs(self, sent: Json) -> Json:
        sweep: Json = {
            "id": "U3dlZXA=", "name": "sweep", "method": "grid", "state": "RUNNING", "description": None,
            "config": self.sweep, "createdAt": DATE, "heartbeatAt": DATE, "updatedAt": DATE,
            "earlyStopJobRunning": False, "bestLoss": None, "controller": None, "scheduler": None,
            "runs": {"edges": []},
        }  # fmt: skip
        return {"project": {"sweep": sweep}}

    def _create_agent(self, sent: Json) -> Json:
        return {"createAgent": {"agent": {"id": "QWdlbnQ="}}}

    def _heartbeat(self, sent: Json) -> Json:
        """The next trial for an agent that is idle; then the end."""
        commands: list[Json] = []
        if not json.loads(sent.get("runState") or "{}"):
            commands = [{"type": "exit"}]
            if self._sent < len(self.trials):
                values = {key: {"value": value} for key, value in self.trials[self._sent].items()}
                commands = [{"type": "run", "run_id": f"trial{self._sent}", "program": "x", "args": values, "logs": []}]
                self._sent += 1
        return {"agentHeartbeat": {"agent": {"id": sent["id"]}, "commands": json.dumps(commands)}}

    def _by_id(self, identity: str) -> Json:
        return next(one for one in self.artifacts if one["id"] == identity)

    def _found(self, name: str) -> Json:
        """The latest version that is called so; empty if there is none."""
        plain = name.partition(":")[0]
        return next((one for one in reversed(self.artifacts) if one["name"] == plain), {})

    def _artifact(self, artifact: Json) -> Json:
        files = self.files(artifact["name"])
        collection = {
            "__typename": "ArtifactSequence", "id": "collection", "name": artifact["name"],
            "project": _project(artifact["project"]),
        }  # fmt: skip
        alias = {"__typename": "ArtifactAlias", "id": "alias", "alias": "latest", "artifactCollection": collection}
        return {
            "__typename": "Artifact", "id": artifact["id"], "artifactSequence": collection,
            "versionIndex": artifact["version"], "artifactType": {"name": artifact["type"]}, "description": None,
            "metadata": artifact["metadata"], "ttlDurationSeconds": -2, "ttlIsInherited": True, "tags": [],
            "historyStep": None, "state": artifact["state"], "size": sum(map(len, files.values())),
            "digest": artifact["digest"], "digestAlgorithm": "MANIFEST_MD5", "commitHash": "x",
            "fileCount": len(files), "createdAt": DATE, "updatedAt": None, "aliases": [alias],
            "currentManifest": {
                "id": "manifest",
                "file": {"id": "file", "directUrl": f"{self.url}/manifest/{artifact['id']}"},
            },
        }  # fmt: skip


def _project(name: str | None) -> Json:
    entity = {"id": "RW50", "name": "me"}
    return {"id": "UHJvamVjdDox", "internalId": "UHJvamVjdEludGVybmFsSWQ6MQ==", "name": name, "entity": entity}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Server

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._reply(self.state.blobs.get(self.path.partition("?")[0]), self.path)

    def do_PUT(self) -> None:
        self.state.blobs[self.path.partition("?")[0]] = self._body()
        self._reply(b"{}", self.path)

    def do_POST(self) -> None:
        body, answer, what = self._body(), {}, self.path
        with self.state.lock:
            if self.path.endswith("/file_stream"):
                if not self._is_broken(what):
                    self.state.stream(self.path.split("/")[4], json.loads(body))
            elif self.path == "/graphql":
                query = json.loads(body)
                named = re.search(r"(?:query|mutation)\s+(\w+)", query["query"])
                what = query.get("operationName") or (named[1] if named else "Viewer")
                if not self._is_broken(what):
                    answer = {"data": self.state.answer(what, query.get("variables") or {})}
        self._reply(json.dumps(answer).encode(), what)

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.state.received += [f"{self.path} {self.headers}".encode(), body]
        return body

    def _is_broken(self, what: str) -> bool:
        return self.state.fault is not None and self.state.where in what

    def _reply(self, body: bytes | None, what: str) -> None:
        status = 404 if body is None else 200
        if self._is_broken(what):
            status = 500 if self.state.fault == "500" else 200
            body = {"500": b"{}", "garbage": b"\x00<html>\xff", "empty": b""}[self.state.fault or "500"]
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")


class _Listening(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no fault."""


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine, for the block."""
    handler = type("Handler", (_Handler,), {})
    with _Listening(("127.0.0.1", 0), handler) as listening:
        state = handler.state = Server(f"http://127.0.0.1:{listening.server_port}")  # type: ignore[attr-defined]
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            listening.shutdown()
            thread.join()
