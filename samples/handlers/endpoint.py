"""A handler that is an endpoint: payloads are posted to it, a status of 200 to 299 says that it took them.

    python3 samples/handlers/endpoint.py 8080
    simctl trigger onUserUpdate --to http://127.0.0.1:8080/events

Without a port it takes a free one, and says which.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KNOWN = {"onUserCreate", "onUserUpdate"}


class Events(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/events":
            return self.answer(404, {"error": "events are posted to /events"})
        try:
            payload = json.loads(body)
            event, user = payload["event"], payload["data"]["user"]
        except (ValueError, KeyError, TypeError):
            return self.answer(400, {"error": "this is no payload"})
        if event not in KNOWN:
            return self.answer(422, {"error": f"{event} is not for me"})
        self.answer(200, {"event": event, "user": user["id"], "changed": list(payload["data"].get("changes") or [])})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = ThreadingHTTPServer(("127.0.0.1", port), Events)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}/events", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
