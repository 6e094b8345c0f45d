"""Settings: where each value comes from, what is said of a bad one, and that no secret is ever shown."""

import os
import subprocess
import sys
import tomllib
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.errors import SettingsError
from voice_notify.settings import Settings, load_settings, redact_url

CONFIG = Path(__file__).parents[2] / "config"
SECRET = "efcefcef1121cefcefc1212121"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty current directory; the environment sets the one required setting and no other."""
    for name in [name for name in os.environ if name.upper().startswith("VOICE_NOTIFY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VOICE_NOTIFY_APP_ID", "shop")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    """Write `text` to `path`, whose folder may not exist yet. Returns the path."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal() -> str:
    """The message with which `load_settings` fails."""
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return str(refused.value)


# ── Sources ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_account_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but `app_id` has a default, and its absence says which variable to set."""
    assert load_settings() == Settings(app_id="shop")
    monkeypatch.delenv("VOICE_NOTIFY_APP_ID")
    assert refusal() == "app_id: is required; set VOICE_NOTIFY_APP_ID"


def test_the_environment_goes_before_the_file_before_the_default(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Each setting is taken from the first source that has it."""
    write(folder / "config" / "voice-notify.toml", "min_interval = 20\nmax_calls = 4\n")
    monkeypatch.setenv("VOICE_NOTIFY_MIN_INTERVAL", "0.5")
    settings = load_settings()
    assert (settings.min_interval, settings.max_calls, settings.window) == (0.5, 4, 86_400)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Compose passes an unset variable on as an empty one, which must not hide the file's value."""
    write(folder / "config" / "voice-notify.toml", "max_calls = 4\n")
    monkeypatch.setenv("VOICE_NOTIFY_MAX_CALLS", "")
    assert load_settings().max_calls == 4


def test_another_file_can_be_named(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """`VOICE_NOTIFY_CONFIG` goes before `config/voice-notify.toml`, and its `templates.toml` lies beside it."""
    write(folder / "config" / "voice-notify.toml", "max_calls = 4\n")
    templates = write(folder / "etc" / "templates.toml", "")
    monkeypatch.setenv("VOICE_NOTIFY_CONFIG", str(write(folder / "etc" / "voice.toml", "max_calls = 3\n")))
    settings = load_settings()
    assert (settings.max_calls, settings.templates_file) == (3, templates)


def test_a_named_file_must_exist(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A wrong `VOICE_NOTIFY_CONFIG` does not start with the defaults."""
    monkeypatch.setenv("VOICE_NOTIFY_CONFIG", "etc/absent.toml")
    assert refusal() == "etc/absent.toml: there is no such file (set by VOICE_NOTIFY_CONFIG)"
    assert not (folder / "etc").exists()


def test_a_file_that_is_no_toml_is_refused_by_name(folder: Path) -> None:
    """The error names the file and the place in it."""
    write(folder / "config" / "voice-notify.toml", "max_calls = \n")
    assert refusal().startswith("config/voice-notify.toml: cannot be read: Invalid value (at line 1")


def test_templates_are_found_without_being_named(folder: Path) -> None:
    """`config/templates.toml` is taken where it exists, with or without a settings file beside it."""
    assert load_settings().templates_file is None
    write(folder / "config" / "templates.toml", "")
    assert load_settings().templates_file == Path("config/templates.toml")


def test_built_directly_the_settings_read_no_source(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """`Settings(...)` takes what it is given; neither the environment nor a file has a say."""
    write(folder / "config" / "voice-notify.toml", "max_calls = 4\n")
    monkeypatch.setenv("VOICE_NOTIFY_MIN_INTERVAL", "20")
    settings = Settings(app_id="test")
    assert (settings.app_id, settings.max_calls, settings.min_interval) == ("test", 5, 30)


def test_importing_the_module_reads_nothing() -> None:
    """A bad environment is met by `load_settings`, never by an import."""
    environment = os.environ | {"VOICE_NOTIFY_MAX_CALLS": "bad", "VOICE_NOTIFY_CONFIG": "absent.toml"}
    imported = [sys.executable, "-c", "import voice_notify.settings"]
    assert subprocess.run(imported, env=environment, check=False).returncode == 0  # noqa: S603 - this interpreter


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("app_id", "a b", "should be 1 to 64 letters, digits, '_', '.' or '-'"),
        ("app_id", "a" * 65, "should be 1 to 64 letters, digits"),
        ("app_id", "商店", "should be 1 to 64 letters, digits"),
        ("base_url", "http://api.jumdata.com/send", "only a loopback address may do without TLS"),
        ("base_url", "http://127.0.0.1.example.com/", "only a loopback address may do without TLS"),
        ("base_url", "ftp://api.jumdata.com/send", "should begin with https:// or http://"),
        ("base_url", "https:///send", "should be an address without login, query or fragment"),
        ("base_url", "https://api.jumdata.com/send?a=1", "should be an address without login, query or fragment"),
        ("base_url", "https://api.jumdata.com/send#a", "should be an address without login, query or fragment"),
        ("base_url", "https://api.jumdata.com:x/send", "should be a URL with a number as port"),
        ("redis_url", "http://127.0.0.1", "should begin with redis:// or rediss:// or unix://"),
        ("redis_url", "redis://127.0.0.1:x", "should be a URL with a number as port"),
        ("broker_url", "sqs://", "should begin with redis:// or rediss:// or amqp:// or amqps://"),
        ("broker_url", "unix:///run/redis.sock", "should begin with redis:// or rediss:// or amqp:// or amqps://"),
        ("broker_url", "amqp://a:5672;http://b", "should begin with redis:// or rediss:// or amqp:// or amqps://"),
        ("broker_url", "redis://a;rediss://b", "should have one scheme for all, not redis and rediss"),
        ("min_interval", "-1", "should be greater than or equal to 0"),
        ("min_interval", "86401", "should be less than or equal to 86400"),
        ("min_interval", "soon", "should be a valid number"),
        ("min_interval", "nan", "should be a finite number"),
        ("max_calls", "0", "should be greater than or equal to 1"),
        ("max_calls", "101", "should be less than or equal to 100"),
        ("max_calls", "5.5", "should be a valid integer"),
        ("window", "0.0009", "should be greater than or equal to 0.001"),
        ("window", "inf", "should be a finite number"),
        ("window_guard", "-0.1", "should be greater than or equal to 0"),
        ("window_guard", "61", "should be less than or equal to 60"),
        ("connect_timeout", "0.0009", "should be greater than or equal to 0.001"),
        ("connect_timeout", "61", "should be less than or equal to 60"),
        ("read_timeout", "0.0009", "should be greater than or equal to 0.001"),
        ("read_timeout", "301", "should be less than or equal to 300"),
        ("calls_in_flight", "0", "should be greater than or equal to 1"),
        ("calls_in_flight", "257", "should be less than or equal to 256"),
        ("max_calls_per_second", "0", "should be greater than or equal to 0.001"),
        ("max_calls_per_second", "10001", "should be less than or equal to 10000"),
        ("daily_budget", "5", "should be greater than or equal to 6"),
        ("max_attempts", "0", "should be greater than or equal to 1"),
        ("max_attempts", "101", "should be less than or equal to 100"),
        ("backoff_base", "0.0009", "should be greater than or equal to 0.001"),
        ("backoff_base", "3601", "should be less than or equal to 3600"),
        ("backoff_max", "86401", "should be less than or equal to 86400"),
        ("backoff_max", "1.5", "should be at least backoff_base, which is 2"),
        ("default_expires", "0.0009", "should be greater than or equal to 0.001"),
        ("default_expires", "31622401", "should be less than or equal to 31622400"),
        ("on_unconfirmed", "retry", "should be 'resend', 'dead_letter' or 'assume_sent'"),
        ("max_unconfirmed", "-1", "should be greater than or equal to 0"),
        ("max_unconfirmed", "101", "should be less than or equal to 100"),
        ("max_line", "0", "should be greater than or equal to 1"),
        ("max_line", "1000001", "should be less than or equal to 1000000"),
        ("retention", "0.0009", "should be greater than or equal to 0.001"),
        ("retention", "31622401", "should be less than or equal to 31622400"),
        ("timezone", "Asia/Beijing", "should be a name of the time zone database"),
        ("timezone", "Asia", "should be a name of the time zone database"),
        ("timezone", "../localtime", "should be a name of the time zone database"),
        ("suspect_run", "0", "should be greater than or equal to 1"),
        ("suspect_run", "1001", "should be less than or equal to 1000"),
        ("breaker_cooldown", "0.0009", "should be greater than or equal to 0.001"),
        ("breaker_cooldown", "86401", "should be less than or equal to 86400"),
        ("breaker_cooldown_max", "59", "should be at least breaker_cooldown, which is 60"),
        ("breaker_cooldown_max", "86401", "should be less than or equal to 86400"),
    ],
)
def test_a_bad_value_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str, rule: str) -> None:
    """The one line names the setting, its value, the rule and the variable that set it."""
    monkeypatch.setenv(f"VOICE_NOTIFY_{name.upper()}", value)
    said = refusal()
    assert said.startswith(f"{name} = ")
    assert value in said
    assert rule in said
    assert said.endswith(f"(set by VOICE_NOTIFY_{name.upper()})")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", "http://127.0.0.1:8900/voice-notify/send-v2"),
        ("base_url", "http://[::1]:8900/"),
        ("base_url", "http://localhost/"),
        ("redis_url", "rediss://:password@redis.example.com:6380/1"),
        ("redis_url", "unix:///run/redis.sock"),
        ("broker_url", "amqps://voice:password@rabbit.example.com//"),
        ("broker_url", "amqp://a:5672//;amqp://b:5672//"),
        ("min_interval", "0"),
        ("window", "0.001"),
        ("max_unconfirmed", "0"),
        ("on_unconfirmed", "assume_sent"),
        ("timezone", "UTC"),
    ],
)
def test_a_value_at_the_edge_of_its_rule_starts(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What a rule just allows is accepted: tests shrink a day, a sandbox listens on a loopback address."""
    monkeypatch.setenv(f"VOICE_NOTIFY_{name.upper()}", value)
    assert name in load_settings().model_fields_set


def test_each_problem_has_its_line_and_its_source(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """All problems are reported at once: in the environment, in the file, and with a default that no longer fits."""
    write(folder / "config" / "voice-notify.toml", "max_calls = 0\nbackoff_base = 400\n")
    monkeypatch.setenv("VOICE_NOTIFY_WINDOW", "-1")
    calls, window, backoff = refusal().splitlines()
    assert calls.startswith("max_calls = 0: should be greater than or equal to 1 (set by max_calls in config/")
    assert calls.endswith("/voice-notify.toml; VOICE_NOTIFY_MAX_CALLS overrides it)")
    assert window == "window = '-1': should be greater than or equal to 0.001 (set by VOICE_NOTIFY_WINDOW)"
    assert backoff.startswith("backoff_max = 300: should be at least backoff_base, which is 400 (the default;")
    assert backoff.endswith("; VOICE_NOTIFY_BACKOFF_MAX overrides it)")


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("VOICE_NOTIFY_MIN_INTERVALL", "; did you mean VOICE_NOTIFY_MIN_INTERVAL?"),
        ("VOICE_NOTIFY_APPSECRET", "; did you mean VOICE_NOTIFY_APP_SECRET?"),
        ("voice_notify_app_secret_fiel", "; did you mean VOICE_NOTIFY_APP_SECRET_FILE?"),
        ("VOICE_NOTIFY_QQ", ""),
    ],
)
def test_an_unknown_variable_stops_the_start(monkeypatch: pytest.MonkeyPatch, variable: str, hint: str) -> None:
    """A mistyped name is not ignored: the error suggests the right one, and does not show the value."""
    monkeypatch.setenv(variable, SECRET)
    assert refusal() == f"{variable.upper()}: there is no such setting, but the environment has it{hint}"


def test_an_unknown_key_in_the_file_stops_the_start(folder: Path) -> None:
    """So does a mistyped name in the file; the error names the file."""
    write(folder / "config" / "voice-notify.toml", f'app_secert = "{SECRET}"\n[voice]\n')
    assert refusal().splitlines() == [
        "app_secert: there is no such setting, but config/voice-notify.toml has it; did you mean app_secret?",
        "voice: there is no such setting, but config/voice-notify.toml has it",
    ]


def test_settings_do_not_change() -> None:
    """What was validated at the start holds until the end."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings(app_id="shop").max_calls = 6  # type: ignore[misc]


# ── Derived values ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "effective"),
    [
        ({}, "redis://127.0.0.1:6379/0"),
        ({"redis_url": "redis://:p@a:1/2"}, "redis://:p@a:1/2"),
        ({"redis_url": "redis://a", "broker_url": "amqp://u:p@b//"}, "amqp://u:p@b//"),
        ({"redis_url": "unix://u:p@/run/redis.sock?db=3"}, "redis+socket://u:p@/run/redis.sock?virtual_host=3"),
    ],
)
def test_redis_is_the_broker_unless_there_is_another(given: dict[str, Any], effective: str) -> None:
    """Celery gets the broker's URL with its password, and a Unix socket as kombu spells it."""
    assert Settings(app_id="shop", **given).effective_broker_url == effective


def test_a_call_has_time_to_connect_to_send_and_to_be_answered() -> None:
    """The lease of a call outlasts all timeouts of the call together."""
    settings = Settings(app_id="shop", connect_timeout=3, read_timeout=10)
    assert (settings.send_window, settings.call_lease) == (6, 18)


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_comes_from_the_environment_without_its_line_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line end that comes from a secret store would make every signature wrong."""
    monkeypatch.setenv("VOICE_NOTIFY_APP_SECRET", f"{SECRET}\n")
    assert load_settings().read_app_secret() == SECRET


def test_a_rotated_secret_is_picked_up(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A changed file is read again, even if another file of the same size and time has replaced it."""
    path = write(folder / "secret", "first\n")
    monkeypatch.setenv("VOICE_NOTIFY_APP_SECRET_FILE", str(path))
    settings = load_settings()
    assert settings.read_app_secret() == "first"
    path.write_text("second, longer\n", encoding="utf-8")
    assert settings.read_app_secret() == "second, longer"
    time_ns = path.stat().st_mtime_ns
    other = write(folder / "new", "third!, longer\n")
    os.utime(other, ns=(time_ns, time_ns))
    other.replace(path)
    assert settings.read_app_secret() == "third!, longer"


def test_an_unchanged_secret_is_not_read_again(folder: Path) -> None:
    """The file is read once after each change, not once for each call."""
    path = write(folder / "secret", "first")
    settings = Settings(app_id="shop", app_secret_file=path)
    settings.read_app_secret()
    before = path.stat()
    path.write_text("other", encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert settings.read_app_secret() == "first"


def test_a_secret_outlives_the_moment_of_its_replacement(folder: Path) -> None:
    """While the file is missing or empty, calls use the last secret."""
    path = write(folder / "secret", "first")
    settings = Settings(app_id="shop", app_secret_file=path)
    assert settings.read_app_secret() == "first"
    path.write_text("", encoding="utf-8")
    assert settings.read_app_secret() == "first"
    path.unlink()
    assert settings.read_app_secret() == "first"
    path.write_text("second", encoding="utf-8")
    assert settings.read_app_secret() == "second"


def test_a_producer_starts_without_a_secret_but_a_worker_is_refused(folder: Path) -> None:
    """Only reading the secret requires one; the error says what to set."""
    with pytest.raises(SettingsError, match="app_secret: a worker needs it; set VOICE_NOTIFY_APP_SECRET"):
        load_settings().read_app_secret()
    absent = Settings(app_id="shop", app_secret_file=folder / "absent")
    with pytest.raises(
        SettingsError, match=r"app_secret_file: .*absent cannot be read: .*VOICE_NOTIFY_APP_SECRET_FILE"
    ):
        absent.read_app_secret()
    empty = Settings(app_id="shop", app_secret_file=write(folder / "empty", "\n"))
    with pytest.raises(SettingsError, match=r"app_secret_file: .*empty cannot be read: the file is empty"):
        empty.read_app_secret()


def test_an_empty_secret_is_refused(folder: Path) -> None:
    """An empty secret in the file is a mistake, not an absence."""
    write(folder / "config" / "voice-notify.toml", 'app_secret = " "\n')
    assert refusal().startswith("app_secret: should not be empty (set by app_secret in config/voice-notify.toml")


@pytest.mark.parametrize("name", ["redis_url", "broker_url"])
def test_a_url_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str) -> None:
    """The URLs hold passwords, so they may be in files too; unlike the secret, these are read at the start."""
    monkeypatch.setenv(f"VOICE_NOTIFY_{name.upper()}_FILE", "url")
    assert (
        f"url cannot be read: [Errno 2] No such file or directory: 'url' (set by VOICE_NOTIFY_{name.upper()}_FILE)"
        in (refusal())
    )
    write(folder / "url", "redis://:p@a:1/2\n")
    assert getattr(load_settings(), name).get_secret_value() == "redis://:p@a:1/2"
    write(folder / "url", "http://:p@a:1/2\n")
    assert "should begin with redis:// or rediss:// or" in refusal()
    assert ":p@" not in refusal()


@pytest.mark.parametrize(
    ("in_file", "in_environment", "effective"),
    [
        ("redis_url_file = 'url'", {}, "redis://from-file"),
        ("redis_url_file = 'url'", {"REDIS_URL": "redis://from-environment"}, "redis://from-environment"),
        ("redis_url = 'redis://from-toml'", {"REDIS_URL_FILE": "url"}, "redis://from-file"),
    ],
)
def test_a_setting_and_its_file_are_one(
    monkeypatch: pytest.MonkeyPatch, folder: Path, in_file: str, in_environment: dict[str, str], effective: str
) -> None:
    """The environment overrides the TOML file, in whichever form each of them gives the setting."""
    write(folder / "url", "redis://from-file")
    write(folder / "config" / "voice-notify.toml", in_file)
    for name, value in in_environment.items():
        monkeypatch.setenv(f"VOICE_NOTIFY_{name}", value)
    assert load_settings().redis_url.get_secret_value() == effective


@pytest.mark.parametrize(
    ("name", "value"), [("app_secret", SECRET), ("redis_url", "redis://:p@a"), ("broker_url", "amqp://a")]
)
def test_a_setting_and_its_file_are_not_both_given(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Both forms in one source are refused: which of them is meant is anybody's guess."""
    monkeypatch.setenv(f"VOICE_NOTIFY_{name.upper()}", value)
    monkeypatch.setenv(f"VOICE_NOTIFY_{name.upper()}_FILE", "url")
    assert f"should be given itself or as {name}_file, not both (set by VOICE_NOTIFY_{name.upper()})" in refusal()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:hunter2@a:6379/0", "redis://:***@a:6379/0"),
        ("redis://app:hunter2@a", "redis://app:***@a"),
        ("redis://hunter2@a", "redis://:***@a"),
        ("redis://:hunt/er@2@a", "redis://:***@a"),
        ("redis://a?db=1&password=hunter2&x=1", "redis://a?db=1&password=***&x=1"),
        ("unix://app:hunter2@/run/redis.sock", "unix://app:***@/run/redis.sock"),
        ("amqp://u:hunter2@a;amqp://v:hunter3@b", "amqp://u:***@b"),
        ("hunter2", "***"),
        (":hunter2@a:6379", "***"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    """Host and user help a person; the password is hidden wherever it is in the URL."""
    assert redact_url(url) == shown


def test_settings_show_no_secret() -> None:
    """In whichever form settings are printed, they show the host, but neither the secret nor a password."""
    settings = Settings(
        app_id="shop", app_secret=SECRET, redis_url="redis://:hunter2@a", broker_url="amqp://u:hunter3@b"
    )
    for shown in (repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json()):
        assert not any(secret in shown for secret in (SECRET, "hunter2", "hunter3"))
        assert "redis://:***@a" in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redis_url", "http://:hunter2@a"),
        ("redis_url", "redis://:hunter2/x@a"),
        ("redis_url", "redis://[:hunter2@a"),
        ("redis_url", "redis://:hunter2℀@a"),
        ("redis_url", "hunter2"),
        ("broker_url", "sqs://u:hunter2@a"),
        ("base_url", "https://u:hunter2@a/"),
        ("app_secrt", "hunter2"),
        ("max_calls", "0"),
    ],
)
def test_a_refusal_shows_no_secret(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """No bad value brings a password into the traceback: neither its own nor that of another, valid setting."""
    monkeypatch.setenv("VOICE_NOTIFY_APP_SECRET", SECRET)
    monkeypatch.setenv("VOICE_NOTIFY_BROKER_URL", "amqp://u:hunter3@b")
    monkeypatch.setenv(f"VOICE_NOTIFY_{name.upper()}", value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    shown = "".join(traceback.format_exception(refused.value))
    assert refused.value.__context__ is None
    assert f"VOICE_NOTIFY_{name.upper()}" in shown
    assert not any(secret in shown for secret in (SECRET, "hunter2", "hunter3"))


def test_pydantics_own_error_shows_no_secret() -> None:
    """Settings that are built directly do not repeat a bad URL's password either."""
    with pytest.raises(ValidationError) as refused:
        Settings(app_id="shop", redis_url="http://:hunter2@a", app_secret=SECRET, max_calls=0)
    assert refused.value.error_count() == 2
    assert not any(secret in str(refused.value) for secret in (SECRET, "hunter2"))


# ── The example files ────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_file_names_every_setting_with_its_default() -> None:
    """The comments are true: each setting is there once, and with its default where it has one."""
    lines = (CONFIG / "voice-notify.toml").read_text(encoding="utf-8").splitlines()
    assignments = [line.removeprefix("# ") for line in lines if line.startswith("# ") and line.split()[2:3] == ["="]]
    examples = tomllib.loads("\n".join(assignments))
    assert examples.keys() == Settings.model_fields.keys()
    shown = Settings(app_id="your-app-id").model_dump(mode="json")
    assert {name: examples[name] for name, value in shown.items() if value is not None} == {
        name: value for name, value in shown.items() if value is not None
    }


def test_the_example_file_starts_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file changes nothing until a line is uncommented."""
    monkeypatch.setenv("VOICE_NOTIFY_CONFIG", str(CONFIG / "voice-notify.toml"))
    assert load_settings() == Settings(app_id="shop", templates_file=CONFIG / "templates.toml")


def test_the_example_environment_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable of the example is one that is read, and those that are not commented out give a valid start."""
    lines = (CONFIG / ".env.example").read_text(encoding="utf-8").splitlines()
    variables = {
        line.removeprefix("# ").partition("=")[0] for line in lines if line.removeprefix("# ").startswith("VOICE")
    }
    assert {"VOICE_NOTIFY_APP_ID", "VOICE_NOTIFY_CONFIG"} <= variables
    assert variables <= {f"VOICE_NOTIFY_{name.upper()}" for name in (*Settings.model_fields, "config")}
    for line in lines:
        if line and not line.startswith("#"):
            monkeypatch.setenv(*line.split("=", 1))
    settings = load_settings()
    assert (settings.app_id, settings.on_unconfirmed) == ("your-app-id", OnUnconfirmed.RESEND)
    assert settings.read_app_secret() == "your-app-secret"
