#!/usr/bin/env python3
"""Writes a Parquet file with the shape of web-analytics logs: about 100 columns, long URLs, heavy skew, rows in the order of
(counter, day) as a table clustered for dashboards has them. The same seed gives the same rows.

    generate.py --rows 20000000 --out hits.parquet
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK = 500_000
ROW_GROUP = 125_000
FIRST_DAY = np.datetime64("2024-03-01")
DAYS = 31
SYLLABLES = "ba be bi bo bu da de do du fa fe fi ga ge go ha he ho ja jo ka ke ki ko la le li lo lu ma me mi mo mu na ne no pa pe pi po".split()
SECTIONS = "news shop cars travel search video games music forum wiki mail jobs weather maps sport blog photo help".split()
KEYS = "id page from tag sort lang view ref utm session".split()

# name: (type, how many values, how skewed: 1 is even, 4 is heavily so)
CODES = {
    "java_enabled": ("int16", 2, 1.0), "good_event": ("int16", 1, 1.0), "counter_class": ("int16", 2, 1.0),
    "referrer_category": ("int16", 300, 4.0), "referrer_region": ("int32", 1000, 4.0), "url_category": ("int16", 300, 4.0),
    "url_region": ("int32", 1000, 4.0), "flash_major": ("int16", 12, 3.0), "flash_minor": ("int16", 5, 3.0), "net_major": ("int16", 4, 4.0),
    "net_minor": ("int16", 4, 4.0), "agent_major": ("int16", 60, 2.0), "cookies": ("int16", 2, 1.2), "scripts": ("int16", 2, 1.2),
    "network": ("int32", 3000, 3.0), "traffic_source": ("int16", 10, 2.5), "artificial": ("int16", 2, 6.0), "timezone": ("int16", 24, 3.0),
    "silver_1": ("int16", 6, 5.0), "silver_2": ("int16", 3, 5.0), "silver_3": ("int32", 2000, 5.0), "silver_4": ("int16", 2, 5.0),
    "code_version": ("int32", 40, 2.0), "is_link": ("int16", 2, 4.0), "is_download": ("int16", 2, 8.0), "not_bounce": ("int16", 2, 3.0),
    "old_counter": ("int16", 2, 9.0), "is_event": ("int16", 2, 9.0), "is_parameter": ("int16", 2, 9.0), "not_counted": ("int16", 2, 4.0),
    "with_hash": ("int16", 2, 7.0), "age": ("int16", 60, 1.5), "sex": ("int16", 3, 1.2), "income": ("int16", 5, 1.5),
    "interests": ("int16", 8000, 2.0), "robotness": ("int16", 5, 6.0), "window_name": ("int32", 5000, 5.0), "opener_name": ("int32", 5000, 5.0),
    "history_length": ("int16", 200, 4.0), "http_error": ("int16", 400, 9.0), "send_timing": ("int32", 60000, 4.0),
    "dns_timing": ("int32", 20000, 5.0), "connect_timing": ("int32", 30000, 5.0), "response_start": ("int32", 60000, 4.0),
    "response_end": ("int32", 60000, 4.0), "fetch_timing": ("int32", 30000, 5.0), "social_source": ("int16", 20, 6.0),
    "currency": ("int16", 5, 6.0), "clicked_ad": ("int16", 2, 7.0), "ad_class": ("int16", 30, 6.0), "screen_depth": ("int16", 5, 3.0),
    "zoom": ("int16", 10, 4.0), "touch_points": ("int16", 6, 4.0), "campaign": ("int32", 500, 5.0),
}
# name: (how many texts, how many syllables, share of rows that are empty)
TEXTS = {
    "flash_version": (50, 1, 0.6), "agent_minor": (30, 1, 0.1), "params": (1000, 6, 0.97), "charset": (6, 3, 0.0), "language": (20, 1, 0.0),
    "country": (80, 1, 0.0), "social_network": (10, 3, 0.98), "social_action": (5, 3, 0.98), "social_page": (2000, 8, 0.99),
    "order_number": (5000, 4, 0.99), "currency_name": (5, 2, 0.99), "stat_service": (20, 3, 0.97), "stat_campaign": (500, 4, 0.97),
    "stat_ad": (900, 4, 0.97), "stat_source": (60, 4, 0.97), "utm_source": (100, 3, 0.95), "utm_medium": (20, 2, 0.95),
    "utm_campaign": (700, 5, 0.95), "utm_content": (900, 5, 0.97), "utm_term": (3000, 4, 0.97), "from_label": (300, 2, 0.98),
    "hit_color": (6, 1, 0.0),
}


def words(random: np.random.Generator, count: int, syllables: int) -> list[str]:
    picks = random.integers(0, len(SYLLABLES), (count, syllables))
    return ["".join(SYLLABLES[i] for i in row) for row in picks]


def skewed(random: np.random.Generator, size: int, values: int, skew: float) -> np.ndarray:
    """Numbers below `values`, small ones more often the greater `skew` is."""
    return (values * random.random(size) ** skew).astype(np.int64)


@dataclass
class Pools:
    """What rows choose from."""

    urls: pa.Array
    titles: pa.Array
    phrases: pa.Array
    models: pa.Array
    texts: dict
    users: np.ndarray
    user_region: np.ndarray
    user_ip: np.ndarray
    user_system: np.ndarray
    user_screen: np.ndarray
    user_model: np.ndarray


def make_urls(random: np.random.Generator, count: int) -> list[str]:
    hosts = [f"{a}{b}.{c}" for a, b, c in zip(words(random, 3000, 2), words(random, 3000, 2), words(random, 3000, 1), strict=True)]
    hosts[40], hosts[7] = "www.goodle.example", "goodle.example"
    paths = words(random, 4000, 5)
    host, section = skewed(random, count, len(hosts), 3), skewed(random, count, len(SECTIONS), 2)
    path, more = random.integers(0, len(paths), count), random.integers(0, len(paths), count)
    number, key = random.integers(0, 10**7, count), random.integers(0, len(KEYS), count)
    return [
        f"http://{'www.' if n % 3 == 0 else ''}{hosts[h]}/{SECTIONS[s]}/{paths[p]}/{paths[m]}.html?{KEYS[k]}={n}&{KEYS[(k + 3) % 10]}={paths[(p + m) % 4000]}"
        if n % 4
        else f"http://{hosts[h]}/{SECTIONS[s]}/{paths[p]}"
        for h, s, p, m, n, k in zip(host, section, path, more, number, key, strict=True)
    ]


def phrases(random: np.random.Generator, count: int, least: int, most: int) -> list[str]:
    vocabulary = words(random, 5000, 3)
    vocabulary[11] = "Goodle"
    lengths, picks = random.integers(least, most + 1, count), skewed(random, count * most, len(vocabulary), 2).reshape(count, most)
    return [" ".join(vocabulary[i] for i in row[:n]) for row, n in zip(picks, lengths, strict=True)]


def make_pools(rows: int, seed: int) -> Pools:
    random = np.random.default_rng([seed, 1])
    users = max(rows // 6, 100)
    texts = {name: pa.array(["", *words(random, count, syllables)]) for name, (count, syllables, _) in TEXTS.items()}
    return Pools(
        pa.array(["", *make_urls(random, max(rows // 8, 100))]),
        pa.array(["", *phrases(random, max(rows // 25, 100), 4, 12)]),
        pa.array(["", *phrases(random, max(rows // 30, 100), 1, 5)]),
        pa.array(["", *words(random, 200, 3)]),
        texts,
        random.integers(-(2**63), 2**63 - 1, users),
        skewed(random, users, 5000, 3),
        random.integers(-(2**31), 2**31 - 1, users),
        skewed(random, users, 45, 2),
        skewed(random, users, 40, 2),
        np.where(random.random(users) < 0.08, skewed(random, users, 200, 2) + 1, 0),
    )


def choose(pool: pa.Array, indices: np.ndarray) -> pa.Array:
    return pool.take(pa.array(indices))


def make_chunk(pools: Pools, start: int, count: int, rows: int, seed: int) -> pa.Table:
    random = np.random.default_rng([seed, 2, start])
    position = (start + np.sort(random.random(count)) * count) / rows
    counter = (60 + 9000 * position**4).astype(np.int32)  # the smallest numbers have most of the rows
    day = random.integers(0, DAYS, count)
    order = np.lexsort((day, counter))
    counter, day = counter[order], day[order]
    seconds = day * 86400 + (86400 * random.beta(2, 2, count)).astype(np.int64)
    user = skewed(random, count, len(pools.users), 2)
    url = skewed(random, count, len(pools.urls) - 1, 2.5) + 1
    referrer = np.where(random.random(count) < 0.35, 0, skewed(random, count, len(pools.urls) - 1, 2.5) + 1)
    phrase = np.where(random.random(count) < 0.87, 0, skewed(random, count, len(pools.phrases) - 1, 2) + 1)
    screen = pools.user_screen[user]
    time = (FIRST_DAY.astype("datetime64[us]") + seconds.astype("timedelta64[s]")).astype("datetime64[us]")
    columns = {
        "view_id": random.integers(-(2**63), 2**63 - 1, count),
        "title": choose(pools.titles, skewed(random, count, len(pools.titles), 2.5)),
        "event_time": time,
        "event_date": (FIRST_DAY + day.astype("timedelta64[D]")).astype("datetime64[D]"),
        "counter": counter,
        "client_ip": pools.user_ip[user].astype(np.int32),
        "region": pools.user_region[user].astype(np.int32),
        "user_id": pools.users[user],
        "system": pools.user_system[user].astype(np.int16),
        "agent": (pools.user_system[user] * 3 % 80).astype(np.int16),
        "url": choose(pools.urls, url),
        "referrer": choose(pools.urls, referrer),
        "is_refresh": (random.random(count) < 0.12).astype(np.int16),
        "screen_width": (320 + screen * 40).astype(np.int16),
        "screen_height": (240 + screen * 25).astype(np.int16),
        "window_width": (300 + screen * 40 - skewed(random, count, 200, 3)).astype(np.int16),
        "window_height": (200 + screen * 25 - skewed(random, count, 150, 3)).astype(np.int16),
        "is_mobile": (pools.user_model[user] > 0).astype(np.int16),
        "phone": (pools.user_model[user] % 70).astype(np.int16),
        "phone_model": choose(pools.models, pools.user_model[user]),
        "search_engine": np.where(phrase > 0, skewed(random, count, 90, 3) + 1, 0).astype(np.int16),
        "search_phrase": choose(pools.phrases, phrase),
        "ad_engine": np.where(random.random(count) < 0.97, 0, skewed(random, count, 30, 2) + 1).astype(np.int16),
        "client_time": time + skewed(random, count, 7200, 4).astype("timedelta64[s]"),
        "local_time": time + (random.integers(0, 12, count) * 3600).astype("timedelta64[s]"),
        "remote_ip": random.integers(-(2**31), 2**31 - 1, count).astype(np.int32),
        "form_id": random.integers(0, 2**30, count).astype(np.int32),
        "order_price": np.where(random.random(count) < 0.995, 0, random.integers(1, 10**8, count)),
        "first_id": np.where(random.random(count) < 0.6, 0, pools.users[user] ^ 0x5555),
        "url_hash": (url.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)).astype(np.int64),
        "referrer_hash": (referrer.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)).astype(np.int64),
    }
    for name, (kind, values, skew) in CODES.items():
        columns[name] = skewed(random, count, values, skew).astype(kind)
    for name, (values, _, empty) in TEXTS.items():
        indices = skewed(random, count, values, 2) + 1
        columns[name] = choose(pools.texts[name], np.where(random.random(count) < empty, 0, indices))
    return pa.table(columns)


def write(out: Path, rows: int, seed: int) -> None:
    pools = make_pools(rows, seed)
    writer = None
    unfinished = out.with_suffix(".unfinished")
    for start in range(0, rows, CHUNK):
        chunk = make_chunk(pools, start, min(CHUNK, rows - start), rows, seed)
        writer = writer or pq.ParquetWriter(unfinished, chunk.schema, compression="snappy")
        writer.write_table(chunk, row_group_size=ROW_GROUP)
    writer.close()
    unfinished.rename(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write(arguments.out, arguments.rows, arguments.seed)


if __name__ == "__main__":
    main()
