#!/usr/bin/env bash
# Litestar: an empty list of OpenAPI render plugins serves every page there is.
#
# Versions: litestar 2.25.0, Python 3.11 or later. Seen on running.
# One would guess: OpenAPIConfig(render_plugins=[]) renders nothing; the document is there for
#   `app.openapi_schema` alone, and at most as JSON.
# What happens: an empty list counts as one that was not given, so all earlier pages come back
#   (redoc, swagger, elements, rapidoc, YAML), whose scripts are loaded from other hosts. The YAML
#   is written anew in each request, by a handler that runs on the event loop. With one plugin
#   named there is that plugin and the JSON.
# Expected output:
#   render_plugins=[]: elements oauth2-redirect.html openapi.json openapi.yaml openapi.yml rapidoc redoc swagger
#   one plugin named: openapi.json
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "litestar==2.25.0" "PyYAML==6.0.3"
cat >"$folder/pages.py" <<'P'
from litestar import Litestar, get
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin


@get("/hello", sync_to_thread=False)
def hello() -> str:
    return "hello"


def pages(plugins: list) -> str:
    config = OpenAPIConfig(title="t", version="1", path="/api", render_plugins=plugins)
    app = Litestar([hello], openapi_config=config)
    names = {route.path.removeprefix("/api/") for route in app.routes if "/api/" in route.path}
    return " ".join(sorted(name for name in names if "{" not in name))


print("render_plugins=[]:", pages([]))
print("one plugin named:", pages([JsonRenderPlugin()]))
P
"$folder/venv/bin/python" "$folder/pages.py" | tee "$folder/seen"
cat >"$folder/expected" <<'T'
render_plugins=[]: elements oauth2-redirect.html openapi.json openapi.yaml openapi.yml rapidoc redoc swagger
one plugin named: openapi.json
T
cmp --silent "$folder/seen" "$folder/expected" || { echo "This has changed."; exit 1; }
