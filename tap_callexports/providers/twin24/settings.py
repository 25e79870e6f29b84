"""Settings of the `twin24` object. What the schema cannot say is checked by `Twin24.errors`."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_callexports.provider import common_settings

PROPERTIES = (
    th.Property(
        "email",
        th.StringType,
        title="E-mail",
        description="Login of the cabinet, with password.",
    ),
    th.Property(
        "password",
        th.StringType,
        secret=True,
        title="Password",
        description="Password of the login.",
    ),
    th.Property(
        "access_token",
        th.StringType,
        secret=True,
        title="Access token",
        description="A ready-made JWT instead of e-mail and password; it cannot be renewed.",
    ),
    *common_settings(
        api_url="https://analyse.twin24.ai/api/v1", lookback_hours=72, max_concurrency=4
    ),
    th.Property(
        "auth_url",
        th.StringType,
        default="https://iam.twin24.ai/api/v1",
        title="Login URL",
        description="Address of the login service.",
    ),
    th.Property(
        "incoming_calls_path",
        th.StringType,
        default="/statistics/cis/sessions/incoming",
        title="Path of incoming calls",
        description="Path of the list of incoming call sessions. Unverified: no public copy of "
        "the provider's page shows it.",
    ),
    th.Property(
        "timezone",
        th.StringType,
        default="UTC",
        title="Time zone",
        description="IANA zone of times that come without an offset.",
    ),
    th.Property(
        "company_id",
        th.IntegerType,
        title="Company id of the login",
        description="Which company the token acts for.",
    ),
    th.Property(
        "company_ids",
        th.ArrayType(th.IntegerType),
        default=[],
        title="Company ids",
        description="Only calls of these companies, asked one company at a time.",
    ),
    th.Property(
        "token_ttl",
        th.IntegerType(minimum=1),
        title="Token lifetime (seconds)",
        description="Lifetime to ask for at login; unset for the provider's own.",
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1),
        default=1000,
        title="Page size",
        description="Calls per request.",
    ),
    th.Property(
        "max_records",
        th.IntegerType(minimum=1),
        default=50000,
        title="Most calls per period",
        description="How many calls the provider gives for one period at most; periods with more "
        "are split.",
    ),
    th.Property(
        "extra_fields",
        th.ArrayType(th.StringType),
        default=[],
        title="Extra fields",
        description="Fields to ask for beside the known ones, in the provider's spelling; they "
        "arrive in extra.",
    ),
    th.Property(
        "extra_params",
        th.ObjectType(additional_properties=True),
        title="Extra parameters",
        description="Query parameters to add, in the provider's spelling. May not hold from, to, "
        "limit, offset, page, fields, sort, format, zip or companyIds.",
    ),
    th.Property(
        "date_field_param",
        th.StringType,
        title="Name of the date field parameter",
        description="Query parameter that says which time the period acts on; its name is not "
        "public.",
    ),
    th.Property(
        "date_field",
        th.StringType,
        default="createdAt",
        title="Date field",
        description="Value of date_field_param: createdAt, updatedAt, startedAt, finishedAt or "
        "billedAt. Incoming calls only.",
    ),
)
