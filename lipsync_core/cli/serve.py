"""python -m lipsync_core serve"""

import argparse
import asyncio
import socket
import sys
from contextlib import suppress

HELP = "serve the HTTP API without the page"
EXAMPLE = "python -m lipsync_core serve --port 7861"
GRACE_SECONDS = 2  # that open streams get when the server is told to end
ADDRESSES = ("127.0.0.1", "localhost", "::1")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--host", metavar="H", default="127.0.0.1", help="address to listen at; default %(default)s")
    parser.add_argument("--port", metavar="P", type=int, default=7861, help="default %(default)s; 0 is any free one")
    parser.add_argument("--no-warm-up", action="store_true", help="start at once; the first request loads the models")


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from lipsync_core import Studio
    from lipsync_core.errors import LipsyncError
    from lipsync_core.installation import extra
    from lipsync_core.jobs.idle_connections import end_idle
    from lipsync_core.server import make_api
    from lipsync_core.settings import settings

    with extra("server", "The HTTP API"):
        import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self.ending_idle = asyncio.ensure_future(end_idle(self.server_state.connections))

    studio = Studio()
    if not options.no_warm_up:
        try:
            studio.warm_up()
        except LipsyncError as error:
            print(error, file=sys.stderr)  # whoever needs what is missing is told again
    if options.host not in ADDRESSES and settings().api_key is None:
        print("Anybody who reaches this address can use it; LIPSYNC_API_KEY asks for a key.", file=sys.stderr)
    if options.port:
        host = f"[{options.host}]" if ":" in options.host else options.host
        print(f"Serving http://{host}:{options.port} (all routes: /docs, to try them: /mjpeg_test)", flush=True)
    api = make_api(studio)
    api.state.service.folder.take_all()
    config = uvicorn.Config(
        api,
        host=options.host,
        port=options.port,
        log_level="warning" if options.port else "info",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = Server(config)
    with suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else 1
