"""Templates: what a text may look like, what it becomes, and what it costs."""

from enum import Enum
from pathlib import Path

import pytest

from voice_notify.domain.budget import billing_units
from voice_notify.domain.template import MAX_TEXT_CHARACTERS, Template, load_templates
from voice_notify.errors import InvalidNotification, SettingsError

EXAMPLES = Path(__file__).parents[2] / "config" / "templates.toml"


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("请及时取件", 0),
        ("您好，{1}", 1),
        ("{2}处，{1}请取件", 2),
        ("{1}，{1}，请取件", 1),
        ("{1}{2}{3}{4}{5}{6}{7}{8}{9}{10}", 10),
        ("字" * MAX_TEXT_CHARACTERS + "{1}", 1),
    ],
)
def test_variables_are_counted_from_the_text(text: str, variables: int) -> None:
    """There are as many variables as the highest number in braces, in any order and however often each is used."""
    assert Template("453662", text).variables == variables


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "the text is empty"),
        (" \n", "the text is empty"),
        ("{2}", "{1} is missing"),
        ("{1}{3}", "{2} is missing"),
        ("{1}{999999999999}", "{2} is missing"),
        ("{0}{1}", "braces may only enclose the number of a variable"),
        ("{01}", "braces may only enclose the number of a variable"),
        ("{name}", "braces may only enclose the number of a variable"),
        ("{１}", "braces may only enclose the number of a variable"),
        ("{1", "braces may only enclose the number of a variable"),
        ("1}", "braces may only enclose the number of a variable"),
        ("字" * (MAX_TEXT_CHARACTERS + 1), "has 501 characters; at most 500 are allowed"),
    ],
)
def test_a_bad_text_is_refused_with_its_rule(text: str, rule: str) -> None:
    """A text that the provider cannot have reviewed is refused, and the error says why."""
    with pytest.raises(ValueError, match=r".") as refusal:
        Template("453662", text)
    assert rule in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "params", "rendered"),
    [
        ("请及时取件", (), "请及时取件"),
        ("{1}您好，快递在{2}", ("张三", "3号楼"), "张三您好，快递在3号楼"),
        ("{2}，{1}，{2}", ("a", "b"), "b，a，b"),
        ("{1}{2}", ("{2}", r"\1"), r"{2}\1"),
        ("{10}{9}{8}{7}{6}{5}{4}{3}{2}{1}", tuple("ABCDEFGHIJ"), "JIHGFEDCBA"),
    ],
)
def test_render_puts_each_variable_in_its_place(text: str, params: tuple[str, ...], rendered: str) -> None:
    """Each placeholder becomes the variable of its number; a placeholder in a variable stays as it is."""
    assert Template("453662", text).render(params) == rendered


def test_render_says_what_is_sent() -> None:
    """A variable that is a member of an enumeration is sent as its value, so that is what counts."""

    class Place(str, Enum):  # noqa: UP042 - an older kind than `StrEnum`, which shows as its name
        GATE = "3号楼"

    assert Template("453662", "在{1}").render([Place.GATE]) == "在3号楼"


@pytest.mark.parametrize("params", [(), ("张三",), ("张三", "3号楼", "多余")])
def test_render_refuses_another_number_of_variables(params: tuple[str, ...]) -> None:
    """The refusal of too few or too many variables names both numbers."""
    with pytest.raises(InvalidNotification) as refusal:
        Template("453662", "{1}{2}").render(params)
    assert str(refusal.value) == f"params: template 453662 takes 2 variables, {len(params)} given"


@pytest.mark.parametrize(("characters", "units"), [(1, 1), (84, 1), (85, 1), (86, 2), (170, 2), (171, 3), (500, 6)])
def test_billing_rounds_up_to_85_characters(characters: int, units: int) -> None:
    """A call costs one unit for each 85 characters begun (PROVIDER.md, Rules of use); a Chinese character is one."""
    assert billing_units("字" * characters) == units


def test_the_example_file_declares_usable_templates() -> None:
    """The example file loads, and has the documentation's template with its two variables."""
    templates = load_templates(EXAMPLES)
    assert [template.id for template in templates.values()] == list(templates)
    assert templates["453662"].variables == 2


@pytest.mark.parametrize("content", ["", "[templates]\n"])
def test_a_file_may_declare_no_template(tmp_path: Path, content: str) -> None:
    """No template is a valid mirror."""
    path = tmp_path / "templates.toml"
    path.write_text(content, encoding="utf-8")
    assert load_templates(path) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[templates.1", "cannot be read"),
        ("x = 1", "should have tables [templates.<id>] and nothing else"),
        ("[template.453662]\ntext = '字'", "should have tables [templates.<id>] and nothing else"),
        ("templates = 1", "should have tables [templates.<id>] and nothing else"),
        ("[templates.'45 36']\ntext = '字'", "template '45 36': an id is 1 to 32"),
        ("[templates.453662]", "template 453662: should have one key, text"),
        ("[templates.453662]\ntext = 1", "template 453662: should have one key, text"),
        ("[templates.453662]\ntxt = '字'", "template 453662: should have one key, text"),
        ("[templates.453662]\ntext = '字'\nname = 'x'", "template 453662: should have one key, text"),
        ("[templates]\n453662 = '字'", "template 453662: should have one key, text"),
        ("[templates.453662]\ntext = '{2}'", "template 453662: variables are numbered from {1} without gaps"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    """The error names the file, the template and the rule."""
    path = tmp_path / "templates.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError) as refusal:
        load_templates(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert message in str(refusal.value)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    """A file that was named but is not there stops the start."""
    with pytest.raises(SettingsError, match=r"absent\.toml: cannot be read"):
        load_templates(tmp_path / "absent.toml")
