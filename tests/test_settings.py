"""Settings are read once, strictly, and keep their secrets."""

from __future__ import annotations

import pytest

from service.settings import InvalidSettings, Settings, describe


def test_defaults() -> None:
    assert Settings.from_environment({"PATH": "/bin"}) == Settings()
    assert Settings.from_environment({"AICOMPARE_DATABASE_URL": ""}) == Settings()


def test_every_type() -> None:
    settings = Settings.from_environment(
        {
            "AICOMPARE_DATABASE_URL": "https://db.example",
            "AICOMPARE_DATABASE_TOKEN": "secret",
            "AICOMPARE_DATABASE_DEADLINE": "2.5",
            "AICOMPARE_DATABASE_POOL_SIZE": "8",
            "AICOMPARE_LOG_LEVEL": "debug",
        }
    )
    assert settings == Settings(
        database_url="https://db.example",
        database_token="secret",
        database_deadline=2.5,
        database_pool_size=8,
        log_level="debug",
    )


def test_the_platform_names_the_region() -> None:
    platform = {"FLY_REGION": "fra", "PRIMARY_REGION": "iad"}
    settings = Settings.from_environment(platform)
    assert (settings.region, settings.primary_region) == ("fra", "iad")
    assert Settings.from_environment(platform | {"AICOMPARE_REGION": "ams"}).region == "ams"


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environment(
            {
                "AICOMPARE_DATABSE_URL": "x",
                "AICOMPARE_LOG_LEVEL": "loud",
                "AICOMPARE_DATABASE_POOL_SIZE": "0",
                "AICOMPARE_DATABASE_DEADLINE": "1e3",
                "AICOMPARE_DATABASE_TOKEN": "t",
                "AICOMPARE_REGION": " fra",
            }
        )
    message = caught.value.message
    for words in (
        "AICOMPARE_DATABSE_URL is unknown: did you mean AICOMPARE_DATABASE_URL?",
        "AICOMPARE_LOG_LEVEL must be one of debug, info, warning, error, not 'loud'",
        "AICOMPARE_DATABASE_POOL_SIZE must be a whole number of 1 or more, not '0'",
        "AICOMPARE_DATABASE_DEADLINE must be a number of 0.001 or more, not '1e3'",
        "AICOMPARE_DATABASE_TOKEN is for a libSQL server",
        "AICOMPARE_REGION must be text without spaces around it",
    ):
        assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PRIMARY_DATABASE_TOKEN": "t"}, "is set without AICOMPARE_PRIMARY_DATABASE_URL"),
        ({"PRIMARY_DATABASE_URL": "https://a.example"}, "both must be of a kind"),
        (
            {"TRUSTED_PROXIES": "10.0.0.0/8, proxy"},
            "TRUSTED_PROXIES must be addresses and networks",
        ),
        ({"TRUSTED_PROXIES": "10.0.0.1/8"}, "TRUSTED_PROXIES must be addresses and networks"),
        ({"CLIENT_ADDRESS_HEADER": "fly-client-ip"}, "is set without AICOMPARE_TRUSTED_PROXIES"),
        ({"REQUEST_DEADLINE": "20"}, "REQUEST_DEADLINE must be longer than"),
        ({"BACKUP_TO": "s3:///x"}, "BACKUP_TO names no bucket"),
        ({"BACKUP_TO": "s3://b/x", "BACKUP_S3_KEY_ID": "k"}, "BACKUP_S3_SECRET is not set"),
        ({"BACKUP_TO": "gs://bucket"}, "BACKUP_TO must be a folder or s3://BUCKET/PREFIX"),
        ({"BACKUP_TO": "s3:/bucket"}, "BACKUP_TO must be a folder or s3://BUCKET/PREFIX"),
        ({"BACKUP_TO": "S3://bucket"}, "BACKUP_TO must be a folder or s3://BUCKET/PREFIX"),
    ],
)
def test_contradictions(settings: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidSettings, match=words):
        Settings.from_environment({f"AICOMPARE_{name}": value for name, value in settings.items()})


def test_secrets_are_masked() -> None:
    settings = Settings(
        database_url="postgresql://owner:hunter2@db.example/x?password=hunter2",
        database_token="hunter2",
        primary_database_token="hunter2",
        primary_database_url="https://db.example?authToken=hunter2",
    )
    shown = repr(settings) + str(settings) + "".join(row.shown for row in describe(settings))
    assert "hunter2" not in shown
    assert "owner:***@db.example" in shown


@pytest.mark.parametrize(
    ("read", "write", "elsewhere"),
    [
        ("postgresql://reader@host/db", "postgresql://owner:p@host/db", False),
        ("postgresql://reader@near/db", "postgresql://owner@far/db", True),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081", False),
        ("http://127.0.0.1:8081", "http://fra.internal:8081", True),
        ("file:a.db", None, False),
    ],
)
def test_one_database_with_two_users_is_one(read: str, write: str | None, elsewhere: bool) -> None:
    made = Settings(database_url=read, primary_database_url=write)
    assert made.reads_elsewhere is elsewhere
