"""One call of the first generation's client: urllib, no keep-alive, a time limit for each socket operation."""
import json
import sys
import urllib.error
import urllib.request

url, slug, token, timeout_seconds = sys.argv[1:5]
request = urllib.request.Request(
    url,
    data=sys.stdin.buffer.read(),
    method="POST",
    headers={
        "Authorization": f"Bearer {token}",
        "X-Platform-Challenge-Slug": slug,
        "Content-Type": "application/json",
    },
)
try:
    with urllib.request.urlopen(request, timeout=float(timeout_seconds)) as response:
        status, body = response.status, response.read()
except urllib.error.HTTPError as error:
    status, body = error.code, error.read()
print(json.dumps({"status": status, "body": json.loads(body)}))
