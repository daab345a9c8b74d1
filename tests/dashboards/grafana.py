"""An honest stand-in for Grafana's HTTP API, on a real socket: folders, data sources, dashboards and annotations with its rules.

It keeps what it is given as Grafana does: counts versions of a dashboard, refuses an old one with 412, a title that another uid has with 412, a
folder that is there with 409, an unknown token with 401, and one that may not write with 403.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["Grafana", "grafana"]

EDITOR, VIEWER = "glsa_editor", "glsa_viewer"


class Grafana:
    """What it holds, and every request that it got."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, Any]] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.annotations: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str]] = []
        self.before_save = lambda: None
        self.url = ""

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [request for request in self.requests if request[0] != "GET"]

    def answer(self, method: str, target: str, token: str, body: Any) -> tuple[int, Any]:
        self.requests.append((method, target))
        if token not in (f"Bearer {EDITOR}", f"Bearer {VIEWER}"):
            return 401, {"message": "Invalid API key"}
        if method != "GET" and token == f"Bearer {VIEWER}":
            return 403, {"message": "You'll need additional permissions to perform this action."}
        parts = urlsplit(target)
        match (method, *parts.path.removeprefix("/api/").split("/")):
            case "GET", "folders", uid:
                return self._got(self.folders, uid)
            case "POST", "folders":
                if body["uid"] in self.folders:
                    return 409, {"message": "a folder with the same UID already exists"}
                return 200, self.folders.setdefault(body["uid"], {"id": 1, "version": 1, **body})
            case "GET", "datasources", "uid", uid:
                return self._got(self.sources, uid)
            case "POST", "datasources":
                if any(source["name"] == body["name"] for source in self.sources.values()):
                    return 409, {"message": "data source with the same name already exists"}
                self.sources[body["uid"]] = {"id": len(self.sources) + 1, "readOnly": False, **body}
                return 200, {"datasource": self.sources[body["uid"]]}
            case "PUT", "datasources", "uid", uid:
                self.sources[uid] = body
                return 200, {"datasource": body}
            case "GET", "dashboards", "uid", uid:
                status, found = self._got(self.dashboards, uid)
                return status, ({"dashboard": found, "meta": {"folderUid": "floorwatch"}} if status == 200 else found)
            case "POST", "dashboards", "db":
                return self._save(body)
            case "GET", "annotations":
                tags = set(parse_qs(parts.query).get("tags", []))
                return 200, [one for one in self.annotations if tags <= set(one["tags"])]
            case "POST", "annotations":
                self.annotations.append({"id": len(self.annotations) + 1, **body})
                return 200, {"message": "Annotation added", "id": len(self.annotations)}
            case "PATCH", "annotations", number:
                self.annotations[int(number) - 1].update(body)
                return 200, {"message": "Annotation patched"}
        return 404, {"message": "Not found"}

    def _got(self, shelf: dict[str, dict[str, Any]], uid: str) -> tuple[int, Any]:
        return (200, shelf[uid]) if uid in shelf else (404, {"message": "not found"})

    def _save(self, body: Any) -> tuple[int, Any]:
        self.before_save()
        board = body["dashboard"]
        if body.get("folderUid") not in self.folders:
            return 400, {"message": "folder not found"}
        there = self.dashboards.get(board["uid"])
        if there and not body["overwrite"] and board["version"] != there["version"]:
            return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        if any(one["title"] == board["title"] and uid != board["uid"] for uid, one in self.dashboards.items()):
            return 412, {"message": "A dashboard with the same name already exists", "status": "name-exists"}
        version = there["version"] + 1 if there else 1
        self.dashboards[board["uid"]] = {**board, "id": len(self.dashboards) + 1, "version": version}
        return 200, {"uid": board["uid"], "version": version, "status": "success"}


@contextmanager
def grafana() -> Iterator[Grafana]:
    """One that listens."""
    held = Grafana()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = held.answer(self.command, self.path, self.headers.get("authorization", ""), body)
            told = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PUT = do_PATCH = do

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
