"""What runs in place of a service where only the supervision of processes is looked at."""

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = Path(__file__).parent.name


class Gateway(BaseHTTPRequestHandler):
    """Says that it is ready, whatever it is asked."""

    def do_GET(self) -> None:
        body = b'{"status": "ready", "services": {"blueprint": "ready"}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    """Serve or idle until SIGTERM; HEADRACE_STAND_IN_STUBBORN names a service that does not listen to it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if os.environ.get("HEADRACE_STAND_IN_STUBBORN") == NAME:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.environ.get("HEADRACE_STAND_IN_BROKEN") == NAME:
        sys.exit("HEADRACE_SOMETHING is not set; set it")
    sys.stdout.write(f"{NAME} sees {sorted(name for name in os.environ if name.startswith('HEADRACE_'))}\n")
    sys.stdout.flush()
    if NAME == "gateway":
        ThreadingHTTPServer(("127.0.0.1", int(os.environ["HEADRACE_PORT"])), Gateway).serve_forever()
    while True:
        time.sleep(1)


main()
