"""One reader, as a program: asks for paths in turn, 2 ms after each answer, until its stdin ends.

Prints an empty line when it begins, and at the end the milliseconds of each answer, as JSON.
`python -m bench.reader HOST:PORT PATH...`
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time

PAUSE = 0.002


def main() -> None:
    """Read and print."""
    host, *paths = sys.argv[1:]
    connection = http.client.HTTPConnection(host, timeout=30)
    times: list[float] = []
    print(flush=True)
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        begin = time.perf_counter()
        connection.request("GET", paths[len(times) % len(paths)])
        response = connection.getresponse()
        response.read()
        times.append((time.perf_counter() - begin) * 1000)
        assert response.status == 200, response.status
    print(json.dumps(times))


if __name__ == "__main__":
    main()
