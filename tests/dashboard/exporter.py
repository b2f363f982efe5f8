"""A stand-in for an exporter: it serves the page and what a test makes of /stats.

    with Exporter(page) as exporter:
        exporter.client()["health"]["status"] = "down"
        exporter.stop()
        exporter.start()                      at the same port
"""

import copy
import http.server
import json
import threading
import time

BOUNDS = [0.0001, 0.001, 0.01, 0.1, None]


def client(name):
    """One that is well and has answered a thousand calls."""
    buckets = [[bound, min(1000, 400 * (i + 1))] for i, bound in enumerate(BOUNDS)]
    return {
        "name": name,
        "health": {
            "status": "up", "reason": "", "endpoint": "redis://127.0.0.1:6379/0",
            "error": "HF_OK", "checked_seconds_ago": 0.5, "check_took_seconds": 0.0002,
            "connections_open": 4, "connections_idle": 3, "connections_leased": 1,
            "connections_max": 20, "calls_under_way": 1, "calls_max": 1000, "protocol": 3,
            "is_fence_whole": True, "near_error": "HF_OK",
            "breaker": {"state": "closed", "forced": False, "failures": 0, "threshold": 5,
                        "next_probe_seconds": None, "history": []},
        },
        "stats": {"calls": 1000, "calls_ok": 1000, "errors_timeout": 0, "errors_rejected": 0,
                  "cache_hits": 900, "cache_misses": 100, "deadline_overruns": 0,
                  "bytes_sent": 10, "bytes_received": 10, "health_checks": 3},
        "latency": {"call": {"count": 1000, "sum_seconds": 0.5, "p50_seconds": 0.0005,
                             "p90_seconds": 0.001, "p99_seconds": 0.001,
                             "p999_seconds": 0.001, "max_seconds": 0.001,
                             "buckets": buckets}},
        "slow_calls": [], "caches": [], "tasks": [],
    }


class Exporter:
    def __init__(self, page):
        self.page = page
        self.port = 0
        self.lock = threading.Lock()
        self.clients = [client("default")]
        self.token = None
        self.raw = None     # Bytes to answer instead of JSON.
        self.grows = True   # Each answer has ten more calls than the one before.

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.began = time.monotonic()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port),
                                                      handler_of(self))
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.thread.join()
            self.server.server_close()
            self.server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def restart_clients(self):
        with self.lock:
            self.clients = [client(c["name"]) for c in self.clients]

    def grow(self):
        for one in self.clients:
            for name in ("calls", "calls_ok", "cache_hits"):
                one["stats"][name] += 10
            for bucket in one["latency"]["call"]["buckets"][1:]:
                bucket[1] += 10

    def stats(self):
        with self.lock:
            if self.raw is not None:
                return self.raw
            if self.grows:
                self.grow()
            return json.dumps({"holdfast": "0.1.0", "clients": copy.deepcopy(self.clients),
                               "uptime_seconds": time.monotonic() - self.began}).encode()


def handler_of(exporter):
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, status, kind, body):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            wanted = exporter.token and "Bearer " + exporter.token
            if self.path == "/":
                self.answer(200, "text/html; charset=utf-8", exporter.page)
            elif self.path != "/stats":
                self.answer(404, "text/plain", b"")
            elif wanted and self.headers["Authorization"] != wanted:
                self.answer(401, "text/plain", b"")
            else:
                self.answer(200, "application/json", exporter.stats())

    return Handler
