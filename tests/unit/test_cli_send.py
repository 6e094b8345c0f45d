"""`voice-notify send`: one notification, or a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.account import ACCEPTED, GAP, REFUSED
from tests.support.cli import Cli
from tests.support.clock import HOUR, MINUTE, NOON
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.ledger import Ledger, SubmitError, Wakeup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voice_notify.domain.notification import Notification
    from voice_notify.ledger.contracts import Submission

MIXED = Path(__file__).parents[1] / "data" / "mixed.csv"
#: The bad rows of `mixed.csv`: line, field, and a piece of the rule.
BAD = [
    (14, "mobile", "11 digits"),
    (31, "mobile", "11 digits"),
    (48, "params", "variable 1 contains a comma"),
    (65, "params", "takes 2 variables, 1 given"),
    (82, "params", "501 characters"),
    (99, "template_id", "1 to 32 letters"),
    (116, "priority", "from 0 to 9"),
    (133, "row", "a quote is opened and not closed on its line"),
    (134, "mobile", "11 digits"),
    (168, "expires", "more than 0 seconds"),
    (185, "params", "takes 0 variables, 1 given"),
    (202, "on_unconfirmed", "must be one of"),
    (219, "mobile", "11 digits"),
]
GOOD = 217

HEADER = "mobile,template_id,param1,param2,key\n"
ROW = "13800001234,453662,张三,3号楼,\n"


def stored(cli: Cli) -> int:
    """Returns the number of notifications that wait."""
    return cli.account.ledger.counts()[State.WAITING]


def test_one_notification_is_stored_with_its_options(cli: Cli) -> None:
    """A notification is stored with its options, and its id and eta are printed."""
    sent = cli.json(
        *("send", "13800001234", "453662", "张三", "3号楼", "--id", "n1", "--priority", "9"),
        *("--countdown", "10m", "--expires", "2h", "--on-unconfirmed", "dead_letter"),
    )
    assert sent == {
        "id": "n1",
        "state": "waiting",
        "reason": "not_before",
        "eta": "2025-06-01T12:10:00.000+08:00",
        "deadline": "2025-06-01T14:00:00.000+08:00",
        "duplicate": False,
    }
    record = cli.account.explain("n1").record
    assert (record.mobile, record.template_id, record.params) == ("13800001234", "453662", ("张三", "3号楼"))
    assert (record.priority, record.deadline_ms) == (9, NOON + 2 * HOUR)


def test_the_id_and_the_eta_are_printed_and_a_worker_is_woken(cli: Cli) -> None:
    """The id and the eta are printed, and a process that sleeps is woken."""
    (_, _), eta = (line.split(maxsplit=1) for line in cli.lines("send", "13800001234", "453662", "张三", "3号楼"))
    assert eta == ["eta", "2025-06-01 12:00:00 (now)"]
    assert cli.account.woken() == [Wakeup.ORDINARY]


def test_the_eta_takes_account_of_the_line(cli: Cli) -> None:
    """The eta takes account of the line ahead."""
    cli.account.call(cli.account.submit("13800001234"), takes=0)
    assert cli.json("send", "13800001234", "453715")["eta"] == "2025-06-01T12:00:30.500+08:00"
    assert GAP == 30_500


def test_a_known_key_is_not_submitted_again(cli: Cli) -> None:
    """What has a known key is not submitted again, and that is said."""
    first, second = (cli.json("send", "13800001234", "453715", "--key", "order-1") for _ in range(2))
    assert (first["duplicate"], second) == (False, first | {"duplicate": True})
    assert "Already known by this key or id: nothing new was submitted." in cli.lines(
        "send", "13800001234", "453715", "--key", "order-1"
    )
    assert stored(cli) == 1


@pytest.mark.parametrize("end", [State.CANCELLED, State.DEAD, State.ACCEPTED])
def test_what_became_of_a_known_one_is_told(cli: Cli, end: State) -> None:
    """Nothing follows from a submit whose key's notification has ended, so that is said, and how to call again."""
    cli.account.submit("13800001234", id="n1", key="order-1")
    if end is State.CANCELLED:
        cli.account.ledger.cancel("n1")
    else:
        cli.account.call("n1", ACCEPTED if end is State.ACCEPTED else REFUSED)
    again = "send", "13800001234", "453662", "张三", "3号楼", "--key", "order-1"
    document = cli.json(*again)
    assert (document["state"], document["duplicate"]) == (end, True)
    assert cli.lines(*again) == [
        "id n1",
        f"state {end} ({document['reason']})",
        "Already known by this key or id: nothing new was submitted; give another key to call again.",
    ]


def test_a_submit_to_a_paused_account_says_so(cli: Cli) -> None:
    """There is no time at which it is called, but a person."""
    cli.account.ledger.pause("wrong text")
    lines = cli.lines("send", "13800001234", "453715")
    assert lines[1:4] == [
        "eta when a person resumes the account",
        "blocked by the account is paused",
        "account paused (manual wrong text) since 2025-06-01 12:00:00, until a person resumes it",
    ]
    document = cli.json("send", "13800001234", "453715")
    assert (document["reason"], document["eta"], document["duplicate"]) == ("paused", None, False)


def test_one_that_cannot_be_called_before_its_deadline_says_so(cli: Cli) -> None:
    """It is stored all the same: what stands before it may be cancelled."""
    cli.account.call(cli.account.submit("13800001234"), takes=0)
    result = cli.run("send", "13800001234", "453715", "--expires", "10")
    assert result.exit_code == 0
    assert result.stderr == "Warning: its deadline, 2025-06-01 12:00:10, comes first: it will expire.\n"
    assert cli.run("send", "13800001235", "453715", "--expires", "10").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("1380000123", "453662", "张三", "3号楼"), "Error: mobile: must be the 11 digits"),
        (("13800001234", "453662", "张三"), "Error: params: template 453662 takes 2 variables, 1 given"),
        (("13800001234", "453662", "张三", "3,号楼"), "Error: params: variable 2 contains a comma"),
    ],
)
def test_bad_input_is_refused_with_field_and_rule(cli: Cli, arguments: Sequence[str], error: str) -> None:
    """Bad input is refused with the field and the rule; nothing is stored."""
    result = cli.run("send", *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(error)
    assert stored(cli) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("13800001234",),
        ("13800001234", "453715", "--csv", "-"),
        ("--csv", "-", "--key", "k"),
        ("--csv", "-", "--id", "n1"),
        ("--csv", "no-such-file.csv"),
        ("13800001234", "453715", "--priority", "12"),
        ("13800001234", "453715", "--on-unconfirmed", "retry"),
    ],
)
def test_wrong_use_stores_nothing(cli: Cli, arguments: Sequence[str]) -> None:
    """A mistake in the use of the command is exit code 2, and nothing is stored."""
    assert cli.run("send", *arguments, stdin=HEADER + ROW).exit_code == 2
    assert stored(cli) == 0


def test_the_good_rows_of_a_file_are_submitted(cli: Cli) -> None:
    """The good rows of a file are submitted; each bad one is reported by its line with field and rule."""
    result = cli.run("send", "--csv", str(MIXED))
    assert result.exit_code == 1
    assert result.stdout == f"submitted {GOOD}, already known 0, refused {len(BAD)}\n"
    for (line, field, rule), shown in zip(BAD, result.stderr.splitlines()[1:], strict=True):
        assert shown.startswith(f"line {line}: {field}: ")
        assert rule in shown
    assert stored(cli) == GOOD


def test_a_file_as_json_has_each_row_by_its_line(cli: Cli) -> None:
    """With `--json`, the summary, each bad row, and the id of each good row by its line are one document."""
    document = cli.json("send", "--csv", str(MIXED))
    assert (document["submitted"], document["already_known"], document["unknown_from_line"]) == (GOOD, 0, None)
    assert [(row["line"], row["field"]) for row in document["refused"]] == [bad[:2] for bad in BAD]
    lines = {each["line"]: each["id"] for each in document["notifications"]}
    record = cli.account.explain(lines[10]).record
    assert (record.mobile, record.params) == ("13800001041", ('赵六"老赵"', "地下一层快递架B12"))
    assert len(lines) == GOOD
    assert not lines.keys() & {bad[0] for bad in BAD}


def test_a_second_run_of_a_file_submits_nothing_new(cli: Cli) -> None:
    """A second run of a file submits nothing new, keys or not, although the file has a row twice."""
    first, second = (cli.json("send", "--csv", str(MIXED)) for _ in range(2))
    assert (second["submitted"], second["already_known"]) == (0, GOOD)
    assert second["notifications"] == first["notifications"]
    assert len({each["id"] for each in first["notifications"]}) == GOOD


def test_a_row_without_a_key_is_known_in_another_file(cli: Cli) -> None:
    """A row without a key is known in another file too, at another place and with other options."""
    other = "13800001235,453662,李四,5号楼,\n"
    cli.run("send", "--csv", "-", stdin=HEADER + ROW + other)
    header = "mobile,template_id,a,b,c,priority\n"
    moved = cli.json(
        "send", "--csv", "-", stdin=f"{header}13800001235,453662,李四,5号楼,,5\n13800001234,453662,张三,3号楼\n"
    )
    assert (moved["submitted"], moved["already_known"]) == (0, 2)


def test_the_same_content_with_a_new_key_is_submitted(cli: Cli) -> None:
    """The same content under a key of its own is another notification."""
    text = HEADER + ROW + ROW.replace(",\n", ",again\n")
    assert cli.json("send", "--csv", "-", stdin=text)["submitted"] == 2


def test_columns_set_the_options_of_a_row(cli: Cli) -> None:
    """The columns after the variables set the options of a row; options of the command fill what is empty."""
    text = (
        "mobile,template_id,key,countdown,expires,priority,on_unconfirmed\n"
        "13800001234,453715,,600,1800.5,7,assume_sent\n"
        "13800001235,453715,,,,,\n"
    )
    document = cli.json("send", "--csv", "-", "--countdown", "5m", "--priority", "3", stdin=text)
    first, second = (cli.account.explain(each["id"]) for each in document["notifications"])
    assert (first.due_ms, first.record.priority) == (NOON + 10 * MINUTE, 7)
    assert first.record.deadline_ms == NOON + 1_800_500
    assert (second.due_ms, second.record.priority) == (NOON + 5 * MINUTE, 3)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + ROW,
        (HEADER + ROW).replace("\n", "\r\n"),
        HEADER + ROW.rstrip("\n"),
        HEADER + "\n \n,,,,\n" + ROW + "\n,,,,\n",
        " Mobile , TEMPLATE_ID,param1,param2,key,,\n 13800001234 ,453662 ,张三,3号楼,,,\n",
        "mobile,template_id,params,,,\n13800001234,453662,张三,3号楼,,\n",
        'mobile,template_id,a,b\n"13800001234","453662","张三","3号楼"\n',
    ],
    ids=["byte order mark", "CRLF", "no last newline", "blank lines", "spaces", "unnamed columns", "quotes"],
)
def test_the_habits_of_spreadsheets_do_not_matter(cli: Cli, text: str) -> None:
    """What spreadsheets and editors make of a file does not matter."""
    document = cli.json("send", "--csv", "-", stdin=text)
    assert (document["submitted"], document["refused"]) == (1, [])
    record = cli.account.explain(document["notifications"][0]["id"]).record
    assert (record.mobile, record.template_id, record.params) == ("13800001234", "453662", ("张三", "3号楼"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (ROW + "13800001234,453662,张三,3号楼,k,x\n", "has 6 cells, the header names 5"),
        (ROW + '13800001234,453662,"张三"x,3号楼,\n' + ROW, "a quote inside a quoted cell must be doubled"),
        (ROW + '13800001234,453662,"张三,3号楼,\n\n\n' + ROW, "a quote is opened and not closed on its line"),
    ],
)
def test_a_malformed_row_is_reported_by_its_first_line(cli: Cli, text: str, rule: str) -> None:
    """A row without the form of the header is reported by the line on which it begins; the others count."""
    document = cli.json("send", "--csv", "-", stdin=HEADER + text)
    (refused,) = document["refused"]
    assert refused["line"] == 3
    assert rule in refused["rule"]
    assert document["submitted"] == text.count(ROW)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("gbk", "gb18030"), ("gb18030", "gb18030"), ("utf-16", "utf-16")],
)
def test_the_encoding_is_found_for_the_whole_file(cli: Cli, encoding: str, found: str) -> None:
    """As Excel in China saves it, for one; what is not UTF-8 is said."""
    text = (HEADER + ROW).encode(encoding)
    document = cli.json("send", "--csv", "-", stdin=text)
    assert (document["encoding"], document["submitted"]) == (found, 1)
    assert cli.account.explain(document["notifications"][0]["id"]).record.params == ("张三", "3号楼")
    said = cli.run("send", "--csv", "-", "--dry-run", stdin=text).stderr
    assert said == ("" if found == "utf-8" else f"read as {found.upper()}\n")


@pytest.mark.parametrize("name", ["谭女士", "薛女士", "袁女士", "卢女士", "石女士", "韦女士", "谢女士"])
def test_a_file_of_uncertain_encoding_is_refused(cli: Cli, name: str) -> None:
    """These names in GBK are valid UTF-8, as gibberish; the caller decides, and nothing is submitted before."""
    text = f"mobile,template_id,a\n13800001234,450001,{name}\n".encode("gbk")
    assert text.decode("utf-8")
    for command in (("send", "--csv", "-"), ("send", "--csv", "-", "--dry-run")):
        result = cli.run(*command, stdin=text)
        assert (result.exit_code, stored(cli)) == (1, 0)
        assert result.stderr.startswith("Error: it is not certain in which encoding")
    document = cli.json("send", "--csv", "-", "--encoding", "gb18030", stdin=text)
    assert cli.account.explain(document["notifications"][0]["id"]).record.params == (name,)


def test_a_name_with_a_middle_dot_is_no_doubt(cli: Cli) -> None:
    """Few characters of two bytes stand in Chinese text, and this is one."""
    text = "mobile,template_id,a\n13800001234,450001,热西提·阿布都\n"
    assert cli.json("send", "--csv", "-", stdin=text)["submitted"] == 1


@pytest.mark.parametrize(
    "text", [b"mobile,template_id,a\n13800001234,1,\xff\xfe\xfa\x00\x81\n", b"\xef\xbb\xbfmobile,template_id\n\xff"]
)
def test_what_is_in_no_encoding_is_refused_in_one_line(cli: Cli, text: bytes) -> None:
    """And nothing of it is submitted, not even the rows that could be read."""
    result = cli.run("send", "--csv", "-", stdin=text)
    assert (result.exit_code, len(result.stderr.splitlines()), stored(cli)) == (1, 1, 0)
    assert "nothing was read" in result.stderr


def test_an_open_quote_spoils_its_own_line_only(cli: Cli) -> None:
    """However many lines follow, the counts add up to the lines."""
    good = [f"138{number:08d},453662,张三,3号楼,\n" for number in range(1000)]
    good[99] = '13800000099,453662,"张三,3号楼,\n'
    document = cli.json("send", "--csv", "-", stdin=HEADER + "".join(good))
    assert (document["submitted"], [row["line"] for row in document["refused"]]) == (999, [101])


@pytest.mark.parametrize(
    "written",
    [
        "１３８００００１２３４",
        "+86 138-0000-1234",
        "008613800001234",
        "'13800001234",
        "138 0000 1234",
        "138\u200b00001234\u202d",
    ],
)
def test_a_number_that_can_be_no_other_is_taken(cli: Cli, written: str) -> None:
    """And said, once for the file."""
    text = HEADER + ROW.replace("13800001234", written)
    document = cli.json("send", "--csv", "-", stdin=text)
    assert (document["submitted"], document["rewritten"]) == (1, 1)
    assert cli.account.explain(document["notifications"][0]["id"]).record.mobile == "13800001234"
    said = cli.run("send", "--csv", "-", "--dry-run", stdin=text).stderr
    assert said == "numbers not written as 11 digits, and taken as such: 1\n"


@pytest.mark.parametrize(
    ("written", "rule"),
    [("1.38E+10", "was shortened by a spreadsheet"), ("1380000123", "11 digits"), ("+1 13800001234", "11 digits")],
)
def test_a_number_that_may_be_another_is_refused(cli: Cli, written: str, rule: str) -> None:
    """By its row."""
    (refused,) = cli.json("send", "--csv", "-", stdin=HEADER + ROW.replace("13800001234", written))["refused"]
    assert (refused["line"], refused["field"]) == (2, "mobile")
    assert rule in refused["rule"]


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("", "the first columns must be mobile,template_id"),
        ("mobile,template\n", "the first columns must be mobile,template_id"),
        ("template_id,mobile\n", "the first columns must be mobile,template_id"),
        ("13800001234,453715\n", "the first columns must be mobile,template_id"),
        ("mobile,template_id,a,key,priorty\n", "there is no option 'priorty'"),
        ("mobile,template_id,key,a\n", "variables stand before key"),
        ("mobile,template_id,a,key,key\n", "a column is named twice"),
        ('mobile,template_id,"a"b\n', "line 1"),
    ],
)
def test_a_bad_header_is_told_and_nothing_submitted(cli: Cli, header: str, error: str) -> None:
    """A first line that is not a header is told, and no row is submitted."""
    result = cli.run("send", "--csv", "-", stdin=header + ROW)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: line 1: ")
    assert error in result.stderr
    assert stored(cli) == 0


def test_a_row_for_a_full_line_is_refused(cli: Cli) -> None:
    """A row whose number's line is full is reported like a bad one."""
    cli.account.configure(max_line=1)
    document = cli.json("send", "--csv", "-", stdin=HEADER + ROW + ROW)
    (refused,) = document["refused"]
    assert (refused["line"], refused["field"], document["submitted"]) == (3, "mobile", 1)
    assert "max_line" in refused["rule"]


def test_a_file_interrupted_by_redis_can_be_completed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Redis is lost, what is known is reported with the line; the same file again completes it."""
    good = [f"1380000100{number},453715,,,\n" for number in range(4)]
    text = HEADER + good[0] + "bad,453715,,,\n" * 498 + "".join(good[1:])  # two in the first chunk of 500, two after
    submit_many = Ledger.submit_many
    chunks = iter([True, False])

    def submit_or_fail(ledger: Ledger, notifications: Sequence[Notification]) -> list[Submission | SubmitError]:
        if not next(chunks):
            raise StoreUnavailable("Redis cannot be used: gone")
        return submit_many(ledger, notifications)

    monkeypatch.setattr(Ledger, "submit_many", submit_or_fail)
    result = cli.run("send", "--csv", "-", stdin=text)
    assert result.exit_code == 1
    assert result.stdout == "submitted 2, already known 0, refused 498\n"
    assert result.stderr.startswith("line 3: mobile: ")
    assert "Error: Redis was lost at line 502: " in result.stderr
    assert "Run the same file again" in result.stderr

    chunks = iter([True, False])
    document = cli.json("send", "--csv", "-", stdin=text)
    assert document["unknown_from_line"] == 502
    assert [each["line"] for each in document["notifications"]] == [2, 501]

    chunks = iter([True, True])
    document = cli.json("send", "--csv", "-", stdin=text)
    assert (document["submitted"], document["already_known"]) == (2, 2)
