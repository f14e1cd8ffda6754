"""
One call of the first generation's client: urllib, no keep-alive, a time limit for each socket operation. With "--bare" by
http.client, which says what it raises where urllib would hide it.
"""
import http.client
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

url, slug, token, timeout_seconds = sys.argv[1:5]
body = sys.stdin.buffer.read()
headers = {
    "Authorization": f"Bearer {token}",
    "X-Platform-Challenge-Slug": slug,
    "Content-Type": "application/json",
}


def with_urllib():
    request = urllib.request.Request(url, data=body, method="POST", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=float(timeout_seconds)) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def with_http_client():
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=float(timeout_seconds))
    connection.request("POST", parts.path, body=body, headers=headers)
    response = connection.getresponse()
    return response.status, response.read()


try:
    status, answer = with_http_client() if "--bare" in sys.argv else with_urllib()
    print(json.dumps({"status": status, "body": json.loads(answer)}))
except http.client.HTTPException as error:
    print(json.dumps({"status": 0, "body": {"raised": type(error).__name__}}))
