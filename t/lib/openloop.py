#!/usr/bin/env python3
"""Requests at a steady rate, whatever becomes of those before: a connection each.

    openloop.py -p PORT -r RATE -d SECONDS [-u TARGET]

Prints a JSON object: sent, ok, statuses, errors, max_ms, p50_ms, p99_ms (of all
that got an answer), late (answers later than -l MS).
"""
import argparse
import asyncio
import collections
import json
import time

a = argparse.ArgumentParser()
a.add_argument("-p", type=int, required=True)
a.add_argument("-r", type=float, required=True)
a.add_argument("-d", type=float, required=True)
a.add_argument("-u", default="/")
a.add_argument("-l", type=float, default=1e9)
o = a.parse_args()
statuses = collections.Counter()
times = []


async def one():
    began = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", o.p)
        writer.write(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % o.u.encode())
        head = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        statuses[head[9:12].decode() or "none"] += 1
        times.append((time.monotonic() - began) * 1000)
    except (OSError, asyncio.TimeoutError) as e:
        statuses[type(e).__name__] += 1


async def run():
    began = time.monotonic()
    tasks = []
    n = 0
    while time.monotonic() < began + o.d:
        while n < (time.monotonic() - began) * o.r:
            tasks.append(asyncio.create_task(one()))
            n += 1
        await asyncio.sleep(0.001)
    await asyncio.gather(*tasks)
    times.sort()
    at = lambda q: round(times[min(len(times) - 1, int(len(times) * q))], 1) if times else None
    print(json.dumps({"sent": n, "ok": statuses["200"], "statuses": statuses, "late": sum(t > o.l for t in times),
                      "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1)}))


asyncio.run(run())
