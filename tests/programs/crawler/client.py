"""A crawler: workers take addresses from a queue, keep to robots.txt and to its delay."""

import queue
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import urllib.robotparser
from collections import Counter
from html.parser import HTMLParser

AGENT = "fetcher/1.0"


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.found += [value for name, value in attributes if name == "href"]


class Crawler:
    def __init__(self, start, workers=4):
        self.robots = urllib.robotparser.RobotFileParser(urllib.parse.urljoin(start, "/robots.txt"))
        self.robots.read()
        self.delay = self.robots.crawl_delay(AGENT) or 0
        self.todo = queue.PriorityQueue()
        self.lock = threading.Lock()
        self.seen = set()
        self.pages = {}
        self.errors = Counter()
        self.refused = 0
        self.next_turn = time.monotonic()
        self.workers = [
            threading.Thread(target=self.work, name=f"worker-{n}", daemon=True) for n in range(workers)
        ]
        self.add(start)

    def add(self, address):
        address = urllib.parse.urldefrag(address).url
        with self.lock:
            if address in self.seen:
                return
            self.seen.add(address)
            if not self.robots.can_fetch(AGENT, address):
                self.refused += 1
                return
        self.todo.put(address)

    def wait_for_turn(self):
        with self.lock:
            now = time.monotonic()
            turn = max(now, self.next_turn)
            self.next_turn = turn + self.delay
        time.sleep(turn - now)

    def fetch(self, address):
        for attempt in range(5):
            self.wait_for_turn()
            try:
                request = urllib.request.Request(address, headers={"User-Agent": AGENT})
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return answer.url, answer.read().decode()
            except urllib.error.HTTPError as error:
                error.close()
                self.errors[error.code] += 1
                return None
            except OSError:
                time.sleep(2**attempt / 4)
        self.errors["unreachable"] += 1
        return None

    def work(self):
        while True:
            address = self.todo.get()
            try:
                got = self.fetch(address)
                if got is not None:
                    url, text = got
                    with self.lock:
                        self.pages[url] = len(text)
                    parser = Links()
                    parser.feed(text)
                    for link in parser.found:
                        self.add(urllib.parse.urljoin(url, link))
            finally:
                self.todo.task_done()

    def run(self):
        for worker in self.workers:
            worker.start()
        self.todo.join()


crawler = Crawler("http://server/page/0")
began = time.monotonic()
crawler.run()
spent = time.monotonic() - began
print(len(crawler.pages), "pages of", len(crawler.seen), "addresses,", crawler.refused, "not for robots")
print(dict(crawler.errors), sum(crawler.pages.values()))
print(spent >= crawler.delay * (len(crawler.seen) - crawler.refused - 1))
