"""Reads catalogs of any form into entries with the stream's own types and keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from singer_sdk.singerlib import CatalogEntry, Metadata, MetadataMapping, Schema, StreamMetadata

from tap_callexports.redaction import sanitize

_INCREMENTAL, _FULL_TABLE = "INCREMENTAL", "FULL_TABLE"
_AVAILABLE, _AUTOMATIC = Metadata.InclusionType.AVAILABLE, Metadata.InclusionType.AUTOMATIC
_INCLUSIONS = {kind.value: kind for kind in Metadata.InclusionType}
_TEXTS = {"true": True, "false": False}
#: Keywords of a property that do not change its type; the catalog's are kept for the target.
_ANNOTATIONS = {"title", "description", "format", "minLength", "maxLength", "minimum", "maximum"}
_ANNOTATIONS |= {"contentMediaType", "contentEncoding", "x-sql-datatype"}


@dataclass(frozen=True)
class Declared:
    """Name, schema and keys of a stream; no replication key for a full table."""

    name: str
    schema: Mapping[str, Any]
    primary_keys: Sequence[str]
    replication_key: str | None


def catalog_errors(catalog: object, known: Collection[str]) -> Iterator[str]:
    """Errors in the form of a catalog; entries of streams that are not `known` are ignored."""
    streams = catalog.get("streams") if isinstance(catalog, dict) else None
    if not isinstance(streams, list):
        yield "--catalog: must be an object with a list 'streams'; --discover writes one"
        return
    seen: set[str] = set()
    for entry in streams:
        name = entry.get("tap_stream_id") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            yield "--catalog: a stream has no text 'tap_stream_id'"
        elif name in known:
            if name in seen:
                yield f"--catalog: {name}: is there twice"
            seen.add(name)
            yield from _entry_errors(name, entry)


def is_selected(entry: Mapping[str, Any]) -> bool:
    """Whether an entry without errors selects its stream."""
    root = _metadata_of(entry).get((), {})
    if root.get("inclusion") == Metadata.InclusionType.UNSUPPORTED:
        return False
    for place in (root, entry, entry["schema"]):
        if (selected := _boolean(place.get("selected"))) is not None:
            return selected
    return root.get("inclusion") == _AUTOMATIC or bool(_boolean(root.get("selected-by-default")))


def stream_errors(entry: Mapping[str, Any], declared: Declared) -> Iterator[str]:
    """Errors of keys, replication method and types in an entry of the catalog."""
    root = _metadata_of(entry).get((), {})
    place = f"--catalog: {declared.name}: "
    keys = set(declared.primary_keys)
    for given in (entry.get("key_properties"), root.get("table-key-properties")):
        if given and (not isinstance(given, (list, tuple)) or {*map(str, given)} != keys):
            yield (
                f"{place}the primary key is {', '.join(declared.primary_keys)}; leave "
                "key_properties and table-key-properties out, or name these"
            )
            break
    for given in (entry.get("replication_key"), root.get("replication-key")):
        if given and given != declared.replication_key:
            right = f" or use {declared.replication_key!r}" if declared.replication_key else ""
            yield (
                f"{place}the replication key {sanitize(str(given), 80)!r} is not the stream's; "
                f"leave it out{right}"
            )
            break
    method = _method(entry)
    if method is not None and method not in {_INCREMENTAL, _FULL_TABLE}:
        yield f"{place}the replication method must be {_INCREMENTAL} or {_FULL_TABLE}"
    ours = declared.schema["properties"]
    for name, given in entry["schema"]["properties"].items():
        for path in _other_types(ours[name], given, name) if name in ours else ():
            yield (
                f"{place}the schema gives column {path} another type than the tap has; leave "
                "its type out, or convert it with stream_maps or in the target"
            )


def unknown_columns(entry: Mapping[str, Any], declared: Declared) -> list[str]:
    """Columns in an entry's schema that the stream does not have."""
    known = declared.schema["properties"]
    return [name for name in entry["schema"]["properties"] if name not in known]


def resolved(entry: Mapping[str, Any], declared: Declared) -> CatalogEntry:
    """An entry without errors in the form that the SDK reads, with all columns of the stream.

    Columns and parts of columns that the given schema lacks are deselected; keys never are.
    """
    given = entry["schema"]["properties"]
    metadata = MetadataMapping()
    metadata[()] = StreamMetadata(inclusion=_AVAILABLE, selected=is_selected(entry))
    for path, values in _settings_of(entry).items():
        metadata[path] = Metadata(
            inclusion=_INCLUSIONS.get(str(values.get("inclusion"))),
            selected=_boolean(values.get("selected")),
            selected_by_default=_boolean(values.get("selected-by-default")),
        )
    for path in _missing(declared.schema, entry["schema"]):
        metadata[path] = Metadata(inclusion=_AVAILABLE, selected=False)
    columns = {}
    for name, ours in declared.schema["properties"].items():
        if name in {*declared.primary_keys, declared.replication_key}:
            metadata["properties", name] = Metadata(inclusion=_AUTOMATIC)
        columns[name] = _described(ours, given.get(name, {}))
    method = _method(entry) if declared.replication_key else None
    return CatalogEntry(
        tap_stream_id=declared.name,
        stream=declared.name,
        schema=Schema.from_dict({**declared.schema, "properties": columns}),
        metadata=metadata,
        key_properties=list(declared.primary_keys),
        replication_key=declared.replication_key,
        replication_method=method,
    )


def _entry_errors(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    place = f"--catalog: {name}: "
    schema, metadata = entry.get("schema"), entry.get("metadata")
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        yield f"{place}must have a 'schema' with an object 'properties'; --discover writes one"
        return
    for column, rule in schema["properties"].items():
        if not isinstance(rule, dict):
            yield (
                f"{place}the schema of column {sanitize(column, 80)} must be an object; to "
                "deselect the column leave it out"
            )
            return
    is_list = isinstance(metadata, list)
    if metadata is not None and not (is_list and all(map(_is_metadata, metadata))):
        yield (
            f"{place}'metadata' must be a list, each entry with a list 'breadcrumb' and an object "
            "'metadata'"
        )
        return
    if entry.get("stream") is not None and entry["stream"] != name:
        yield (
            f"{place}'stream' must be the same as 'tap_stream_id'; to rename the table use "
            "stream_maps (__alias__)"
        )
    roots = [((), values) for values in (entry, schema, _metadata_of(entry).get((), {}))]
    for path, values in [*roots, *_settings_of(entry).items()]:
        for word in ("selected", "selected-by-default"):
            if values.get(word) is not None and _boolean(values[word]) is None:
                column = f" of column {sanitize('.'.join(path[1::2]), 80)}" if path else ""
                yield f"{place}'{word}'{column} must be true or false"


def _is_metadata(part: object) -> bool:
    crumbs = part.get("breadcrumb") if isinstance(part, dict) else None
    are_texts = isinstance(crumbs, list) and all(isinstance(crumb, str) for crumb in crumbs)
    return are_texts and isinstance(cast("Any", part).get("metadata"), dict)


def _metadata_of(entry: Mapping[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    return {tuple(part["breadcrumb"]): part["metadata"] for part in entry.get("metadata") or ()}


def _settings_of(entry: Mapping[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Settings of each column and part of one, from the metadata, else from the schema."""
    found = {path: values for path, values in _metadata_of(entry).items() if path}
    for path, rule in _all_properties(entry["schema"]):
        words = {word: rule[word] for word in ("selected", "inclusion") if word in rule}
        metadata = {word: value for word, value in found.get(path, {}).items() if value is not None}
        found[path] = words | metadata
    return found


def _properties(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The properties of an object's schema that are objects."""
    properties = schema.get("properties")
    given = properties.items() if isinstance(properties, dict) else ()
    return {name: rule for name, rule in given if isinstance(rule, dict)}


def _all_properties(
    schema: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for name, rule in _properties(schema).items():
        path = (*above, "properties", name)
        yield path, rule
        yield from _all_properties(rule, path)


def _missing(
    ours: Mapping[str, Any], given: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Columns and parts of nested ones that a catalog's schema lacks.

    A nested column without `properties` lacks none.
    """
    if isinstance(given.get("properties"), dict):
        for name, rule in _properties(ours).items():
            path = (*above, "properties", name)
            if name in _properties(given):
                yield from _missing(rule, given["properties"][name], path)
            else:
                yield path


def _method(entry: Mapping[str, Any]) -> str | None:
    """The replication method of an entry, in capitals."""
    root = _metadata_of(entry).get((), {})
    # The first is the one that users set by the Singer specification.
    method = root.get("replication-method") or root.get("forced-replication-method")
    method = method or entry.get("replication_method")
    return str(method).upper() if method else None


def _boolean(value: object) -> bool | None:
    """A value of `selected`, None if it is absent or invalid."""
    if isinstance(value, str):
        return _TEXTS.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _types(rule: Mapping[str, Any]) -> set[str]:
    """The types of a property."""
    given = rule.get("type") or []
    found = set(map(str, given if isinstance(given, list) else [given]))
    for word in ("anyOf", "oneOf"):
        for part in rule[word] if isinstance(rule.get(word), list) else ():
            found |= _types(part) if isinstance(part, dict) else set()
    return found


def _other_types(ours: Mapping[str, Any], given: Mapping[str, Any], path: str) -> Iterator[str]:
    """Paths of properties with other types than the stream's, null aside."""
    types = _types(given)
    if types and types - {"null"} != _types(ours) - {"null"}:
        yield sanitize(path, 80)
    theirs = _inside(given)
    for name, rule in _inside(ours).items():
        if name in theirs:
            yield from _other_types(rule, theirs[name], f"{path}{name}")


def _inside(rule: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The parts of a property, by the suffix of their path."""
    parts = {f".{name}": part for name, part in _properties(rule).items()}
    return parts | ({"[]": rule["items"]} if isinstance(rule.get("items"), dict) else {})


def _described(ours: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A property with the stream's types and the catalog's annotations.

    Parts of an open object that only the catalog has are kept, for flattening.
    """
    if not _types(given):
        return dict(ours)
    rule = {word: value for word, value in ours.items() if word not in _ANNOTATIONS}
    rule |= {word: given[word] for word in _ANNOTATIONS if word in given}
    if not ours:
        rule["type"] = sorted(_types(given))
    mine, others = _properties(ours), _properties(given)
    if isinstance(given.get("properties"), dict):
        rule["properties"] = {
            name: _described(mine.get(name, {}), others.get(name, {})) for name in mine | others
        }
    if isinstance(ours.get("items"), dict) and isinstance(given.get("items"), dict):
        rule["items"] = _described(ours["items"], given["items"])
    return rule
