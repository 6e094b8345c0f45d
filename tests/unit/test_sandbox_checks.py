"""What the sandbox takes for a well-formed request."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

from tests.support.sandbox import signed_form
from voice_notify.sandbox.checks import ParsedRequest, RawRequest, parse_request
from voice_notify.sandbox.config import SandboxConfig
from voice_notify.sandbox.templates import Template, load_templates

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_000_000
NOW_MS = NOW * 1000
MOBILE = "13800138000"
FORM = "application/x-www-form-urlencoded"
ANY_TEMPLATE = SandboxConfig()
TEMPLATES = SandboxConfig(templates={"453662": Template("您好{1}，{2}有新的告警"), "453715": Template("您好")})


def read_post(form: dict[str, str] | str, config: SandboxConfig = ANY_TEMPLATE, now: float = NOW) -> ParsedRequest:
    """What the sandbox reads from a POST of `form`."""
    body = form if isinstance(form, str) else urlencode(form)
    return parse_request(RawRequest("POST", FORM, b"", body.encode()), config, now)


def mistake_with(changes: dict[str, str], config: SandboxConfig = ANY_TEMPLATE) -> str:
    """The mistake that the sandbox finds in an otherwise well-formed request."""
    return read_post(signed_form(MOBILE, timestamp_ms=NOW_MS) | changes, config).mistake


def test_the_documented_example_is_well_signed() -> None:
    """The signature of the example in PROVIDER.md is correct; with one other digit it is not."""
    config = SandboxConfig(app_id="xyzxy2121zxyz", app_secret="efcefcef1121cefcefc1212121")
    form = {
        "appId": "xyzxy2121zxyz",
        "timestamp": "1555378976238",
        "sign": "6ddcdc405743c576cb6d34b17b47ed56e2b9b6670fae1fe85ed01244fd31558b",
        "mobile": MOBILE,
        "templateId": "453662",
    }
    assert read_post(form, config, 1555378976.238).mistake == ""
    assert read_post(form | {"sign": form["sign"][:-1] + "c"}, config, 1555378976.238).mistake == "签名错误"


def test_the_fields_are_read_as_they_were_before_the_encoding() -> None:
    """Number, template and variables are read as they were before the form encoding."""
    assert read_post(signed_form(MOBILE, timestamp_ms=NOW_MS)) == ParsedRequest(MOBILE, "453662", "张三,3号楼", "", 1)


def test_get_is_read_from_the_query() -> None:
    """A GET with the form in its query is as good as a POST."""
    query = urlencode(signed_form(MOBILE, timestamp_ms=NOW_MS)).encode()
    assert parse_request(RawRequest("GET", "", query, b""), ANY_TEMPLATE, NOW).mistake == ""


@pytest.mark.parametrize(
    ("method", "content_type"),
    [("PUT", FORM), ("DELETE", FORM), ("POST", "application/json"), ("POST", "multipart/form-data"), ("POST", "")],
)
def test_other_methods_and_encodings_are_refused(method: str, content_type: str) -> None:
    """Only GET, and POST with the form's content type, are accepted."""
    encoded = urlencode(signed_form(MOBILE, timestamp_ms=NOW_MS)).encode()
    assert "不正确" in parse_request(RawRequest(method, content_type, encoded, encoded), ANY_TEMPLATE, NOW).mistake


def test_content_type_may_name_its_charset() -> None:
    """The content type is read without regard to case and parameters."""
    body = urlencode(signed_form(MOBILE, timestamp_ms=NOW_MS)).encode()
    content_type = "Application/X-WWW-Form-Urlencoded; charset=UTF-8"
    assert parse_request(RawRequest("POST", content_type, b"", body), ANY_TEMPLATE, NOW).mistake == ""


@pytest.mark.parametrize(
    "param",
    [pytest.param(quote("张三", encoding="gbk"), id="not UTF-8"), pytest.param("张三", id="not encoded")],
)
def test_text_must_be_percent_encoded_utf8(param: str) -> None:
    """Bytes that are not UTF-8, or not percent-encoded, are refused."""
    form = urlencode(signed_form(MOBILE, timestamp_ms=NOW_MS) | {"param": "x"})
    assert read_post(form + param).mistake == "参数编码不正确"


def test_a_field_twice_is_refused() -> None:
    """Two values for one field are refused, even if they are equal."""
    form = urlencode(signed_form(MOBILE, timestamp_ms=NOW_MS))
    assert read_post(f"{form}&mobile={MOBILE}").mistake == "参数重复"


@pytest.mark.parametrize("name", ["appId", "timestamp", "sign", "mobile", "templateId"])
def test_a_missing_required_field_is_refused_by_name(name: str) -> None:
    """The refusal names a required field that is empty or missing."""
    form = signed_form(MOBILE, timestamp_ms=NOW_MS)
    assert read_post(form | {name: ""}).mistake == f"参数{name}不能为空"
    assert read_post({key: form[key] for key in form if key != name}).mistake == f"参数{name}不能为空"


def test_param_is_not_required() -> None:
    """A request without variables is well formed."""
    form = signed_form(MOBILE, timestamp_ms=NOW_MS)
    del form["param"]
    assert read_post(form).mistake == ""


def test_undocumented_fields_are_refused() -> None:
    """A client that sends its secret with the request is refused."""
    assert mistake_with({"appSecret": "sandbox-secret"}) == "未知参数appSecret"


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"appId": "another"}, "appId不正确"),
        ({"timestamp": "yesterday"}, "timestamp格式不正确"),
        ({"timestamp": "-1700000000000"}, "timestamp格式不正确"),
        ({"timestamp": "9" * 5000}, "timestamp格式不正确"),
        ({"timestamp": str(NOW)}, "timestamp已过期"),  # seconds, not milliseconds
        ({"timestamp": str(NOW_MS + 1)}, "签名错误"),  # signed with another timestamp
        ({"sign": "签名"}, "签名错误"),
        ({"sign": signed_form(MOBILE, timestamp_ms=NOW_MS)["sign"].upper()}, "签名错误"),
    ],
)
def test_a_wrong_account_timestamp_or_sign_is_refused(changes: dict[str, str], mistake: str) -> None:
    """Another account, an implausible timestamp and a wrong signature are each refused."""
    assert mistake_with(changes) == mistake


@pytest.mark.parametrize(("age", "mistake"), [(300, ""), (-300, ""), (300.001, "timestamp已过期")])
def test_a_timestamp_may_be_off_by_the_tolerance_and_no_more(age: float, mistake: str) -> None:
    """A timestamp may be off by the tolerance, but not by more."""
    assert read_post(signed_form(MOBILE, timestamp_ms=NOW_MS), now=NOW + age).mistake == mistake


@pytest.mark.parametrize("mobile", ["13000000000", "19999999999"])
def test_mainland_mobiles_are_accepted(mobile: str) -> None:
    """Eleven digits that begin with 13 to 19 are a mobile number."""
    assert read_post(signed_form(mobile, timestamp_ms=NOW_MS)).mistake == ""


@pytest.mark.parametrize(
    "mobile",
    [
        "12800138000",
        "23800138000",
        "1380013800",
        "138001380000",
        "+8613800138000",
        "138 0013 8000",
        "13800138000\n",
        "１３８００１３８０００",
        "13800138000,13900139000",
    ],
)
def test_everything_else_is_no_mobile(mobile: str) -> None:
    """Other numbers, other digits and two numbers at once are refused with the documented message."""
    assert mistake_with({"mobile": mobile}) == "手机号格式不正确"


@pytest.mark.parametrize(
    ("template_id", "param", "mistake"),
    [
        ("453662", "张三,3号楼", ""),
        ("453662", "张三,", ""),
        ("453662", "张三", "模板变量个数不正确，应为2个"),
        ("453662", "张三,3号楼,2层", "模板变量个数不正确，应为2个"),
        ("453662", "张三，3号楼", "模板变量个数不正确，应为2个"),
        ("453715", "", ""),
        ("453715", "张三", "模板变量个数不正确，应为0个"),
        ("000000", "张三,3号楼", "模板不存在"),
    ],
)
def test_the_template_must_exist_and_have_its_variables(template_id: str, param: str, mistake: str) -> None:
    """Where templates are given, the template must be one of them, with as many variables as it has."""
    assert mistake_with({"templateId": template_id, "param": param}, TEMPLATES) == mistake


def test_an_empty_param_is_one_empty_variable() -> None:
    """For a template with one variable, an empty `param` is that variable."""
    assert mistake_with({"param": ""}, SandboxConfig(templates={"453662": Template("您好{1}")})) == ""


@pytest.mark.parametrize(("characters", "mistake"), [(500, ""), (501, "语音通知内容不能超过500个字符")])
def test_the_text_may_have_500_characters(characters: int, mistake: str) -> None:
    """The limit is on the characters of the rendered text, not its bytes; without templates, on the variables."""
    fixed = len(Template("您好{1}，{2}有新的告警").render(["", ""]))
    assert mistake_with({"param": "楼" * (characters - fixed) + ","}, TEMPLATES) == mistake
    assert mistake_with({"param": "楼" * characters}) == mistake


@pytest.mark.parametrize(("characters", "units"), [(0, 1), (85, 1), (86, 2), (170, 2), (171, 3), (500, 6)])
def test_a_unit_is_billed_for_each_85_characters_begun(characters: int, units: int) -> None:
    """Even an empty text costs a unit."""
    assert read_post(signed_form(MOBILE, timestamp_ms=NOW_MS) | {"param": "楼" * characters}).units == units


def test_the_rendered_text_is_billed() -> None:
    """Where templates are given, the whole text is billed: 8 fixed characters and the variables."""
    form = signed_form(MOBILE, timestamp_ms=NOW_MS)
    assert read_post(form | {"param": "楼" * 76 + ",楼"}, TEMPLATES).units == 1
    assert read_post(form | {"param": "楼" * 77 + ",楼"}, TEMPLATES).units == 2


def test_variables_are_inserted_once() -> None:
    """A variable may repeat in the text; a value that looks like a variable stays as it is."""
    assert Template("{2}、{1}、{2}").render(["{2}", "乙"]) == "乙、{2}、乙"


def test_templates_are_read_from_toml(tmp_path: Path) -> None:
    """`[templates.ID]` tables become templates by their id."""
    path = tmp_path / "templates.toml"
    path.write_text('[templates.453662]\ntext = "您好{1}"\n', encoding="utf-8")
    assert load_templates(path) == {"453662": Template("您好{1}")}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", r"there is no \[templates.ID\] table"),
        ("templates = 1", r"there is no \[templates.ID\] table"),
        ("[templates.1]\ntxt = 'x'", "templates.1 has no text"),
        ("[templates]\n1 = 'x'", "templates.1 has no text"),
        ("[templates.1]\ntext = '{2}'", "without a gap"),
        ("[templates", "Expected"),
    ],
)
def test_a_bad_templates_file_is_explained(tmp_path: Path, content: str, complaint: str) -> None:
    """The refusal of a templates file says what is wrong with it."""
    path = tmp_path / "templates.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        load_templates(path)
