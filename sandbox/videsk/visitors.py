"""Invented visitors: what Videsk calls metadata, or extra data, of a queue entry."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ..parts import pick
from .ids import made_at, object_id, second

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ..table import Record

_SYSTEMS = (
    ("Android", "14", "Chrome", "124.0.6367", "mobile"),
    ("iOS", "17.4.1", "Safari", "17.4", "mobile"),
    ("Windows", "10", "Edge", "123.0.2420", "desktop"),
    ("macOS", "14.4", "Firefox", "125.0", "desktop"),
)
#: Zone, country, region, city, coordinates, and a few more of each place.
_PLACES = (
    ("America/Santiago", "Chile", "CL", "Región Metropolitana", "RM", "Ñuñoa", -33.4569, -70.5974),
    ("America/Bogota", "Colombia", "CO", "Bogotá D.C.", "DC", "Bogotá", 4.711, -74.0721),
    ("America/Lima", "Perú", "PE", "Lima", "LIM", "Lima", -12.0464, -77.0428),
    ("America/Mexico_City", "México", "MX", "Jalisco", "JAL", "Guadalajara", 20.6597, -103.3496),
)
_CARRIERS = (("Móvil Sur", "movil.example.com"), ("Fibra & Cía", "fibra.example.net"), (None, None))
#: Stands for "not known" in the accuracy of a position.
_NO_ACCURACY = 999_999


def of_owner(owner: Record) -> Iterator[Record]:
    """The visitor behind a queue entry or an appointment."""
    name = owner["extra_data"]
    if name:
        made = made_at(name, owner["start_time"])
        yield _visitor(random.Random(f"visitor:{name}"), name, made)


def make(rng: random.Random, at: datetime, _end: datetime | None, _number: int) -> Record:
    """A visitor nothing else is known of."""
    return _visitor(rng, object_id(rng, at), at)


def mature(rng: random.Random, _record: Record) -> Record:
    """The browser says where it is, once it was allowed to."""
    return {**_position(rng, pick(rng, _PLACES)), "referrer": "https://shop.example.com/gracias"}


def _visitor(rng: random.Random, name: str, made: datetime) -> Record:
    system, version, browser, browser_version, device = pick(rng, _SYSTEMS)
    place = pick(rng, _PLACES)
    zone, country, country_code, region, region_code, city, latitude, longitude = place
    carrier, domain = pick(rng, _CARRIERS)
    old = rng.random() < 0.6
    host = int(rng.random() * 254) + 1
    return {
        "id": name,
        "user_agent": f"Mozilla/5.0 ({system} {version}) {browser}/{browser_version}",
        "os_name": system,
        "os_version": version,
        "browser_name": browser,
        "browser_version": browser_version,
        "ip": f"203.0.113.{host}" if old else f"2001:db8::{host:x}",
        "ip_type": "IPv4" if old else "IPv6",
        "referrer": "https://shop.example.com/ayuda?o=1" if rng.random() < 0.7 else None,
        "timezone": zone,
        "lang_code": "es",
        "lang_native": "Español",
        "lang_name": "Spanish",
        "carrier_name": carrier,
        "carrier_domain": domain,
        "continent_name": "America",
        "continent_code": "AM",
        "country_name": country,
        "country_code": country_code,
        "region_name": region,
        "region_code": region_code,
        "city_name": city,
        "coordinates": f"{latitude},{longitude}",
        "device_type": device,
        "created_at": second(made),
        **(_position(rng, place) if rng.random() < 0.2 else _NOWHERE),
    }


_NOWHERE: Record = {"longitude": None, "latitude": None, "gps_accuracy": None}


def _position(
    rng: random.Random, place: tuple[str, str, str, str, str, str, float, float]
) -> Record:
    accurate = rng.random() < 0.7
    return {
        "longitude": round(place[7] + rng.random() / 100, 6),
        "latitude": round(place[6] + rng.random() / 100, 6),
        "gps_accuracy": round(rng.random() * 40, 2) if accurate else _NO_ACCURACY,
    }
