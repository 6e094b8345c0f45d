"""Every Redis key, made in one place.

All keys of one account begin with `prefix(app_id)`, whose braces make it one hash tag: they live in one slot of a
Redis Cluster, so one script may touch several. A script is given the prefix as KEYS[1], which tells a cluster where to
run it; a test compares the names in its text with those here.

| key               | type   | holds                                                 | lives                 |
|-------------------|--------|-------------------------------------------------------|-----------------------|
| notification:<id> | hash   | the ledger's record of one notification, `FIELDS`     | see below             |
| log:<id>          | list   | its transitions: ms TAB state TAB reason TAB detail   | as the notification   |
| line:<mobile>     | zset   | ids of the number's open notifications, scores below  | while not empty       |
| calls:<mobile>    | string | times (ms) of its newest calls, comma-separated       | `window`              |
| hold:<mobile>     | string | ms until which 606 holds the number                   | until then            |
| key:<key>         | string | the id that an idempotency key was given              | as the notification   |
| agenda            | zset   | numbers with open work, banded scores: what is next   | while not empty       |
|                   |        | in the line, and when it can be called                |                       |
| promotions        | zset   | numbers of the agenda, banded scores: what becomes    | while not empty       |
|                   |        | ready later in the line and is more urgent            |                       |
| calling           | zset   | ids in flight; score: ms when the lease runs out      | while not empty       |
| deadlines         | zset   | open ids with a deadline; score: ms                   | while not empty       |
| dead              | zset   | ids of the dead letters; score: ms of death           | while not empty       |
| ended:<state>:    | list   | ids that came to that final state on that day (days   | as the newest in it   |
| <day>             |        | since 1970-01-01, China time), the oldest first; not  |                       |
|                   |        | those that are dead                                   |                       |
| account           | hash   | the breaker's pause, `ACCOUNT_FIELDS`                 | while paused          |
| budget_pause      | hash   | the pause of a spent budget: reason message since     | until the next day    |
|                   |        | until                                                 |                       |
| run               | set    | numbers in a row that met the failure in `run_code`   | until a success       |
| run_code          | string | the code of a refusal, or unreachable, maintenance    | until a success       |
| pace              | string | since when calls are counted, how many had begun by   | a minute              |
|                   |        | then, and calls per ms of the seconds before          |                       |
| rate              | string | ms at which `max_calls_per_second` is used up         | about a second        |
| ramp              | hash   | since when calls come back after an outage, and how   | ten seconds           |
|                   |        | many have begun by now: since begun                   |                       |
| wake              | list   | an entry wakes one process that sleeps                | while not empty       |
| wake:urgent       | list   | the same, for something of `urgent_priority` or above | while not empty       |
| granted:<process> | string | the last request of a process, and the ids it was     | the lease of a call   |
|                   |        | granted, for when it asks again                       |                       |
| clock             | string | ms that time is ahead of the server's, and what it is | permanently           |
| heartbeats        | zset   | workers alive; score: ms when presumed dead           | while not empty       |
| counts            | hash   | notifications by state, the waiting as                | permanently           |
|                   |        | waiting:<reason>; final states all-time               |                       |
| totals            | hash   | what happened, all-time: `TOTALS_FIELDS`              | permanently           |
| day:<day>         | hash   | the totals before the first change of that day (days  | 35 days               |
|                   |        | since 1970-01-01, China time)                         |                       |
| spent:<day>       | string | billing units of that day's calls, for `daily_budget` | 2 days                |
| sequence          | string | counter: the order of submission                      | permanently           |
| set_aside         | list   | messages from the broker that no worker could         | 7 days after the      |
|                   |        | process, JSON, the newest first, at most 100          | newest                |
| redeliveries:     | string | how often a message came again that had ended its     | until it ends, an     |
| <digest>          |        | process                                               | hour at most          |

A notification lives until it is final and `retention` has passed, a dead letter until it is replayed or purged.

Banded scores: (9 - priority) * 2^42 + ms, so that what is more urgent comes first, and then what is due longer.
Scores in a line: `-inf`, the one call in flight; negative, ready, by priority, then order of submission; positive,
scheduled: banded, with the time at which it becomes ready.
"""

from __future__ import annotations

from typing import Final

NOTIFICATION: Final = "notification:"
LOG: Final = "log:"
LINE: Final = "line:"
CALLS: Final = "calls:"
HOLD: Final = "hold:"
IDEMPOTENCY: Final = "key:"
AGENDA: Final = "agenda"
PROMOTIONS: Final = "promotions"
CALLING: Final = "calling"
DEADLINES: Final = "deadlines"
DEAD: Final = "dead"
ENDED: Final = "ended:"
ACCOUNT: Final = "account"
BUDGET_PAUSE: Final = "budget_pause"
RUN: Final = "run"
RUN_CODE: Final = "run_code"
RATE: Final = "rate"
RAMP: Final = "ramp"
PACE: Final = "pace"
WAKE: Final = "wake"
WAKE_URGENT: Final = "wake:urgent"
GRANTED: Final = "granted:"
CLOCK: Final = "clock"
HEARTBEATS: Final = "heartbeats"
COUNTS: Final = "counts"
TOTALS: Final = "totals"
DAY: Final = "day:"
SPENT: Final = "spent:"
SEQUENCE: Final = "sequence"
SET_ASIDE: Final = "set_aside"
REDELIVERIES: Final = "redeliveries:"

#: Fields of a notification's hash. Those that would be empty or zero are left out.
FIELDS: Final = {
    "mobile": "the callee",
    "template": "the template's id",
    "params": "its variables, a JSON list",
    "priority": "0-9, 9 first",
    "seq": "order of submission",
    "created": "ms of submission",
    "ready_at": "ms from which it could be called but for its number's limits, where that is later",
    "key": "its idempotency key",
    "units": "what a call costs in billing units, if more than one",
    "state": "domain.states.State",
    "reason": "why it is in this state",
    "deadline": "ms after which no call begins",
    "policy": "its own on_unconfirmed",
    "attempts": "calls begun since the submission or the last replay; not those that met an outage, unplaced",
    "unconfirmed": "those of unknown outcome",
    "token": "of the newest attempt",
    "lease": "ms at which the newest attempt is given up, if it is in flight",
    "override": "the final state that awaits the attempt in flight: cancelled, or accepted by a late success",
    "code": "the provider's newest code, or the failure of the wire",
    "message": "the provider's newest msg",
    "call_id": "the provider's callId",
    "task_no": "the provider's taskNo",
    "ended": "ms of the final state",
}

#: Fields of the account's pause.
ACCOUNT_FIELDS: Final = {
    "reason": "domain.reasons.PauseReason",
    "message": "the provider's msg, or a person's text",
    "since": "ms of its beginning",
    "until": "ms at which one probe is let through; missing where only a person resumes",
    "cooldown": "ms of the cool-down that runs",
    "probe": "token of the attempt that finds out",
}

#: Counters in `totals`; they only grow. Buckets are not cumulative, and named by their upper bound in ms, or `inf`.
TOTALS_FIELDS: Final = {
    "submitted": "notifications stored",
    "replayed": "dead letters that were replayed",
    "dropped": "dead letters that were deleted because `dead_retention` was over",
    "call:<kind>:<code>": "attempts that ended, by domain.outcome.Kind and code; undocumented codes are `other`",
    "final:<state>:<reason>": "notifications that reached a final state",
    "units:<template>": "billing units of calls that the provider took; `other`: templates beyond the first 1,000",
    "unsure:<template>": "billing units of calls that it may have taken",
    "deferred:<reason>": "calls that a limit deferred",
    "begun": "calls that began",
    "late:<bucket>": "how late a call was granted: after its own time, and after its number's limits allowed it",
    "late_ms": "the sum of that",
    "took:<bucket>": "how long a request took, from its start to the reply or to its timeout",
    "took_ms": "the sum of that",
}


def prefix(app_id: str) -> str:
    """The beginning of all keys of one account, and their hash tag."""
    return f"vn:{{{app_id}}}:"
