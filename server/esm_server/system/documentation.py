"""The OpenAPI document as one plain HTML page: a server behind a VPN loads nothing from a CDN."""

import json
from html import escape
from typing import Any

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 14px/1.45 ui-monospace, monospace; background: #f4f4f5; border-radius: 4px }
code { padding: .1em .3em } pre { padding: .8em; overflow-x: auto }
details { border: 1px solid #d4d4d8; border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer } summary b { display: inline-block; min-width: 4rem }
td, th { text-align: left; vertical-align: top; padding: .15rem 1rem .15rem 0 }
@media (prefers-color-scheme: dark) {
  body { background: #18181b; color: #e4e4e7 } code, pre { background: #27272a }
  details { border-color: #3f3f46 } a { color: #93c5fd }
}
"""


def render_documentation(document: dict[str, Any]) -> str:
    """All operations by tag, then all schemas."""
    info = document["info"]
    groups: dict[str, list[str]] = {}
    for path, item in sorted(document["paths"].items()):
        for method, operation in item.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_operation(path, method, operation))
    schemas = document.get("components", {}).get("schemas", {})
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(group)}" for tag, group in groups.items())
    listed = "".join(_schema(name, schema) for name, schema in sorted(schemas.items()))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}'
        f'</title><meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(info['title'])}</h1><p>{escape(info.get('description', ''))} "
        f'Version {escape(info["version"])}; as a file: <a href="/openapi.json">openapi.json</a>.'
        "</p><p>Requests below <code>/v1</code> carry <code>Authorization: Bearer esmr_...</code>."
        f"</p>{body}<h2>Schemas</h2>{listed}</html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = [
        _row(p["name"], p["in"], _type(p.get("schema"))) for p in operation.get("parameters", ())
    ]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        rows.append(_row("body", media_type, _type(content.get("schema"))))
    for status, response in sorted(operation.get("responses", {}).items()):
        contents: dict[str, dict[str, Any]] = response.get("content") or {"": {}}
        for media_type, content in contents.items():
            shown = " ".join((escape(response["description"]), _type(content.get("schema"))))
            rows.append(_row(str(status), media_type, shown))
    text = escape(operation.get("description") or operation.get("summary") or "")
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code></summary>"
        f"<p>{text}</p><table>{''.join(rows)}</table></details>"
    )


def _row(name: str, place: str, shown: str) -> str:
    return f"<tr><th>{escape(name)}<td>{escape(place)}<td>{shown}</tr>"


def _type(schema: dict[str, Any] | None) -> str:
    if not schema:
        return ""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    kind = schema.get("type") or " or ".join(
        str(option.get("type", "object")) for option in schema.get("oneOf", ())
    )
    return f"<code>{escape(str(kind))}</code>"


def _schema(name: str, schema: dict[str, Any]) -> str:
    shown = escape(json.dumps(schema, indent=2, ensure_ascii=False))
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<pre>{shown}</pre></details>"
    )
