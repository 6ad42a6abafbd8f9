import time

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

BASE = "http://server:5000"

with requests.Session() as session:
    retry = Retry(total=5, backoff_factor=0.5, status_forcelist=[503])
    session.mount("http://", HTTPAdapter(max_retries=retry, pool_maxsize=4))
    print(session.get(BASE).json())
    print(session.post(BASE + "/sum", json=list(range(1000))).json())
    began = time.monotonic()
    print(session.get(BASE + "/flaky").text, time.monotonic() - began >= 1.0)
    with session.get(BASE + "/stream", stream=True) as answer:
        print(list(answer.iter_lines(decode_unicode=True)))
    print(session.get(BASE + "/missing").status_code)

try:
    requests.get(BASE + "/slow", timeout=(3, 2))
except requests.ReadTimeout:
    print("read timed out")
try:
    requests.get("http://server:5001/", timeout=30)
except requests.ConnectionError as error:
    print("Connection refused" in str(error))
try:
    requests.get("http://nowhere.example/", timeout=30)
except requests.ConnectionError as error:
    print("NameResolutionError" in str(error))
