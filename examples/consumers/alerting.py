"""Consumer group ``alerting``: tells people about drift when it appears, and when it is over.

    python alerting.py --bootstrap broker:9092 [--webhook https://chat.example/hook]

One line per alert on standard output; with ``--webhook`` the same as JSON by POST. Starts with what happens from now
on. An alert is sent before its offset is committed: after a crash one may come twice, with the same ``id``, by which
the receiver can drop it.
"""

from __future__ import annotations

import json
import sys
import urllib.request

from events import Event, Events, arguments

WORDS = {"DriftDetected": "DRIFT", "DriftResolved": "resolved"}


def alert(event: Event) -> dict[str, str] | None:
    """What to tell, or None."""
    word = WORDS.get(event.body["event_type"])
    if word is None:
        return None
    data = event.data
    place = f"{data.get('environment', event.subject)}/{data.get('target', '')}".rstrip("/")
    text = f"{word} {place}: {data.get('reason') or data.get('dimension') or 'see versiqii drifts list'}"
    return {"id": event.id, "time": event.time, "text": text, "correlation_id": event.body["correlation_id"]}


def post(url: str, told: dict[str, str]) -> None:
    """Deliver, or fail: an alert that was not delivered comes again."""
    body = json.dumps(told).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked at start
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument("--webhook", help="http(s) address that alerts are posted to")
    parser.add_argument("--from-beginning", action="store_true", help="also what happened before the first start")
    options = parser.parse_args()
    if options.webhook and not options.webhook.startswith(("http://", "https://")):
        parser.error("--webhook: expected an http or https address")
    for event in Events(options, group="alerting", topic="drift", newest=not options.from_beginning):
        if (told := alert(event)) is not None:
            print(f"{told['time']} {told['text']} [{told['correlation_id']}]", flush=True)
            if options.webhook:
                post(options.webhook, told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
