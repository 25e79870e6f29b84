"""Videsk's column labels, which are the keys of rows, in the account's language.

From the dictionary of https://docs.videsk.io/es-developers/api-privada/exportacion, and the English
labels of columns that are not in it.
"""

from __future__ import annotations

import unicodedata

from tap_callexports.records.naming import snake_case

#: Column ids and the Spanish labels documented for them.
DICTIONARY = {
    "id": "Identificador",
    "segment": "Segmento",
    "agent": "Agente",
    "call": "Llamada",
    "appointment": "Cita",
    "queue": "Fila",
    "createdAt": "Fecha",
    "startTime": "Inicio",
    "endTime": "Fin",
    "duration": "Duración",
    "extraData": "Meta Data",
    "canceled": "Abandonada",
    "assigned": "Asignada",
    "dismissed": "Rechazada",
    "canceledReason": "Razón Cancelación",
    "customerLeave": "Cliente cortó",
    "survey": "Encuesta",
    "comments": "Comentarios",
    "tag": "ID Etiqueta",
    "tags": "Etiquetas",
    "transferredAgent": "Transferido a agente",
    "transferredSegment": "Transferido a segmento",
    "disconnections": "Desconexiones",
    "connections": "Conexiones",
    "userAgent": "Usuario agente",
    "osName": "Sistema operativo (nombre)",
    "osVersion": "Sistema operativo (version)",
    "browserName": "Navegador (nombre)",
    "browserVersion": "Navegador (version)",
    "ip": "IP",
    "ipType": "Tipo IP",
    "referrer": "Referido",
    "timezone": "Zona horaria",
    "langCode": "Idioma (code)",
    "langNative": "Idioma",
    "langName": "Idioma (nombre)",
    "carrierName": "ISP",
    "carrierDomain": "ISP (domain)",
    "continentName": "Continente (nombre)",
    "continentCode": "Continente (code)",
    "countryName": "País",
    "countryCode": "País (code)",
    "regionName": "Region",
    "regionCode": "Region (code)",
    "cityName": "Ciudad",
    "coordinates": "Coordenadas",
    "deviceType": "Dispositivo",
    "agentForm": "ID formulario agente",
    "surveyId": "ID Encuesta",
    "baseForm": "ID formulario cliente",
    "url": "URL",
    "tagName": "ID Etiqueta",
    "tagLabel": "Nombre Etiqueta",
    "createdBy": "Creado por",
    "consent": "Fecha de consentimiento del cliente",
    "sentimentText": "Texto del Sentimiento",
    "sentimentNumber": "Número del Sentimiento",
    "requestedAt": "Solicitado en",
    "summary": "Resumen",
    "topicName": "Nombre del Topico",
    "topicScore": "Puntuación del Topico",
}

#: Labels whose column is not their own snake case.
_SPECIAL = {"After Call Work (ACW)": "acw_duration", "tag": "tag_id", "tagName": "tag_id"}


def _folded(label: str) -> str:
    """Labels are compared without case, outer blanks and the form of accents."""
    return unicodedata.normalize("NFC", label).strip().casefold()


_COLUMNS = {
    **{_folded(label): snake_case(column_id) for column_id, label in DICTIONARY.items()},
    **{_folded(column_id): snake_case(column_id) for column_id in DICTIONARY},
    **{_folded(label): column for label, column in _SPECIAL.items()},
    _folded("ID Etiqueta"): "tag_id",
}

#: The `keys` of each request: every documented column under its id, so that labels do not depend on
#: the account's language and are unique (two columns have the label "ID Etiqueta").
IDENTITY_KEYS = {column_id: column_id for column_id in DICTIONARY}


def column_of(label: str) -> str:
    """The column of a label in either language; its snake case if it is unknown."""
    return _COLUMNS.get(_folded(label)) or snake_case(label)
