"""Asks with urllib, one request after the other and several at once."""

import hashlib
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

BASE = "http://server:8000"


def get(path):
    with urllib.request.urlopen(BASE + path, timeout=60) as answer:
        return answer.status, answer.headers["Content-Type"], answer.read()


status, kind, body = get("/blob/65536")
print(status, kind, len(body), body == bytes(range(256)) * 256)

sent = b"four tuple" * 2000
with urllib.request.urlopen(urllib.request.Request(BASE + "/upload", data=sent), timeout=60) as answer:
    print(answer.status, answer.read().decode() == hashlib.sha256(sent).hexdigest())

try:
    get("/nothing")
except urllib.error.HTTPError as error:
    print(error.code, error.reason)
    error.close()

with ThreadPoolExecutor(4) as pool:
    print([len(body) for _, _, body in pool.map(get, ["/blob/256", "/blob/8192", "/blob/512", "/blob/1024"])])

try:
    urllib.request.urlopen("http://server:8001/", timeout=60)
except urllib.error.URLError as error:
    print(error.reason)
