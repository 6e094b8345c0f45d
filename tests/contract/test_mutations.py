"""The tests of the scripts, tested: each guard is taken out of its script in turn, and the test beside it must fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import fakeredis
import pytest
import redis

from tests.contract import (
    test_breaker,
    test_cancel,
    test_clock,
    test_damaged_items,
    test_dead_letters,
    test_ended_index,
    test_explain,
    test_grant,
    test_keys,
    test_order,
    test_outage,
    test_promotions,
    test_requests,
    test_settle,
    test_statistics,
    test_submit,
    test_sweep,
    test_wakeups,
)
from tests.support.account import ACCEPTED, MAINTENANCE, NO_BALANCE, REFUSED, Account
from tests.support.clock import TODAY
from voice_notify.domain.states import State
from voice_notify.errors import LedgerDamaged
from voice_notify.ledger import scripts
from voice_notify.ledger.ledger import Wakeup

#: What stands in the script, what takes its place, and the test that has to notice.
Mutation = tuple[str, str, Callable[[Account], None]]

MUTATIONS: dict[str, list[Mutation]] = {
    "submit": [
        ("of[1] ~= item.mobile or", "", test_keys.test_another_number_is_a_conflict),
        ("or of[3] ~= item.params then", "then", test_keys.test_other_variables_are_a_conflict),
        (
            "if item.key ~= '' then\n    local first",
            "if false then\n    local first",
            test_submit.test_a_known_key_returns_the_first_notification,
        ),
        ("EXISTS', record) == 1", "EXISTS', record) == 2", test_submit.test_a_known_id_changes_nothing),
        (
            "if others >= rules.max_line then",
            "if false then",
            test_submit.test_a_full_line_refuses_the_next_and_keeps_nothing_of_it,
        ),
        (
            " and redis.call('EXISTS', NOTIFICATION .. first) == 1",
            "",
            test_keys.test_a_key_without_its_record_may_be_used_anew,
        ),
        (
            "first and free > now and limit or 'new'",
            "'new'",
            test_statistics.test_those_that_wait_are_counted_by_their_reason,
        ),
        (
            "put_on_agenda(mobile, priority, math.max(ready_at, free), now)",
            "put_on_agenda(mobile, priority, now, now)",
            test_wakeups.test_what_cannot_be_called_yet_wakes_nobody,
        ),
        (
            "put_on_agenda(mobile, priority, math.max(ready_at, free), now)",
            "put_on_agenda(mobile, 0, math.max(ready_at, free), now)",
            test_order.test_a_higher_priority_goes_first_among_numbers,
        ),
        (
            "elseif first or score > 0 then",
            "elseif score > 0 then",
            test_order.test_a_more_urgent_one_takes_its_number_along,
        ),
        (
            "elseif first or score > 0 then",
            "elseif first then",
            test_promotions.test_a_number_moves_up_when_something_urgent_becomes_ready,
        ),
        (
            "send_wakeups(is_paused)",
            "",
            partial(test_wakeups.test_a_submit_wakes_for_its_priority, priority=0, woken=[Wakeup.ORDINARY]),
        ),
        ("send_wakeups(is_paused)", "send_wakeups()", test_wakeups.test_a_submit_to_a_paused_account_wakes_nobody),
    ],
    "shared/line": [
        ("(9 - priority) * READY_BAND + seq", "seq", test_submit.test_a_higher_priority_goes_first),
        (
            "ready_at > now and banded(priority, ready_at) or ready_score(priority, seq)",
            "ready_score(priority, seq)",
            test_explain.test_a_countdown_is_waited_for,
        ),
    ],
    "shared/bands": [
        ("(9 - priority) * BAND + at", "at", test_order.test_a_higher_priority_goes_first_among_numbers),
        ("(9 - priority) * BAND + at", "(9 - priority) * BAND", test_order.test_a_countdown_is_due_from_its_end),
    ],
    "shared/wakeups": [
        (
            "if at - now <= LONGEST_SLEEP_MS then",
            "if true then",
            partial(test_wakeups.test_a_submit_for_later_is_left_to_the_sweep, countdown=600, woken=[]),
        ),
        ("redis.pcall('LLEN', WAKE[kind]) == 0", "true", test_wakeups.test_one_wakeup_waits_at_most),
        (
            "priority >= rules.urgent_priority and 'urgent' or 'ordinary'",
            "'ordinary'",
            partial(test_wakeups.test_a_submit_wakes_for_its_priority, priority=9, woken=[Wakeup.URGENT]),
        ),
    ],
    "shared/timekeeping": [
        (
            "local CATCH_UP, STEP_MS = 0.1",
            "local CATCH_UP, STEP_MS = 0",
            partial(test_clock.test_the_lead_is_worked_off, sweeps=10),
        ),
        ("math.max(server + ahead, last)", "server", test_clock.test_the_slowed_clock_never_goes_back),
    ],
    "shared/time": [
        (
            "local now = math.max(server + ahead, last)",
            "local now = server",
            partial(test_clock.test_time_does_not_go_back, swept=True),
        ),
    ],
    "shared/windows": [
        (
            "if #call_times >= rules.max_calls then",
            "if false then",
            test_grant.test_the_sixth_call_waits_until_the_first_is_a_window_ago,
        ),
        (
            "if #call_times >= rules.max_calls then",
            "if #call_times > rules.max_calls then",
            test_grant.test_the_sixth_call_waits_until_the_first_is_a_window_ago,
        ),
        (
            "call_times[#call_times - rules.max_calls + 1] + rules.window_ms",
            "call_times[#call_times] + rules.window_ms",
            test_grant.test_each_call_makes_room_a_window_after_itself,
        ),
        ("if hold > at then", "if false then", test_grant.test_606_holds_the_number_until_midnight_in_china),
    ],
    "shared/call_times": [
        (
            "#call_times - rules.max_calls + 1)",
            "#call_times - rules.max_calls + 2)",
            test_grant.test_the_sixth_call_waits_until_the_first_is_a_window_ago,
        ),
    ],
    "shared/agenda": [
        (
            "math.min(at, planned % BAND)",
            "planned % BAND",
            test_submit.test_after_its_countdown_it_has_the_place_of_its_priority,
        ),
        (
            "math.max(priority, 9 - math.floor(planned / BAND))",
            "9 - math.floor(planned / BAND)",
            test_promotions.test_an_urgent_one_is_heard_of_where_a_less_urgent_one_is_due_to_move_up,
        ),
        (
            "PROMOTIONS, banded(higher, earlier), mobile)\n  wake_for(priority, at, now)\n",
            "PROMOTIONS, banded(higher, earlier), mobile)\n",
            test_wakeups.test_a_number_that_becomes_urgent_wakes_for_that,
        ),
    ],
    "shared/schedule": [
        (
            "    redis.call('ZREM', AGENDA, mobile)\n",
            "",
            test_cancel.test_a_number_whose_last_was_withdrawn_leaves_the_agenda,
        ),
        (
            "    redis.call('ZREM', PROMOTIONS, mobile)\n",
            "",
            test_promotions.test_a_line_that_has_ended_leaves_no_promotion,
        ),
        (
            "math.max(tonumber(found[1] or found[2] or 0), free)",
            "free",
            test_order.test_a_replayed_dead_letter_goes_with_its_priority,
        ),
        ("wait_for(head, limit)", "", test_statistics.test_those_that_wait_are_counted_by_their_reason),
        (
            "return one.priority > other.priority",
            "return false",
            test_promotions.test_a_number_moves_up_after_its_call,
        ),
        ("if more_urgent[1] then", "if false then", test_promotions.test_each_step_up_is_taken),
        (
            "    wake_for(promotion.priority, promotion.at, now)\n",
            "",
            test_wakeups.test_a_line_that_goes_on_wakes_for_something_urgent_that_joins_soon,
        ),
    ],
    "shared/transitions": [
        (
            "redis.call('PEXPIRE', KEY .. key, rules.retention_ms)",
            "",
            test_keys.test_a_key_is_kept_for_retention_after_the_end,
        ),
        (
            "redis.call('ZREM', LINE .. mobile, id)",
            "",
            test_cancel.test_a_number_whose_last_was_withdrawn_leaves_the_agenda,
        ),
        (
            "redis.call('ZREM', DEADLINES, id)",
            "",
            partial(test_settle.test_what_has_ended_leaves_only_what_is_still_needed, end=State.ACCEPTED),
        ),
        (
            "redis.call('PEXPIRE', LOG .. id, rules.retention_ms)",
            "",
            test_settle.test_a_final_notification_is_kept_for_its_retention,
        ),
        (
            "count(counts, was and 'waiting:' .. was or from, -1)",
            "",
            test_dead_letters.test_a_replayed_dead_letter_waits_as_if_submitted_now,
        ),
        (
            "redis.call('RPUSH', index, id)",
            "",
            test_ended_index.test_each_final_state_but_dead_lists_what_came_to_it,
        ),
        (
            "redis.call('RPUSH', index, id)",
            "redis.call('LPUSH', index, id)",
            test_ended_index.test_each_final_state_but_dead_lists_what_came_to_it,
        ),
        (
            "ENDED .. to .. ':' .. day_of(now)",
            f"ENDED .. to .. ':{TODAY}'",
            test_ended_index.test_each_day_of_the_provider_has_its_list,
        ),
        (
            "redis.call('PEXPIRE', index, rules.retention_ms)",
            "if redis.call('PTTL', index) < 0 then redis.call('PEXPIRE', index, rules.retention_ms) end",
            test_ended_index.test_a_list_is_kept_as_long_as_the_newest_in_it,
        ),
        (
            "redis.call('PEXPIRE', index, rules.retention_ms)",
            "",
            test_ended_index.test_a_list_is_kept_as_long_as_the_newest_in_it,
        ),
        ("was and 'waiting:' .. was or from", "from", test_statistics.test_those_that_wait_are_counted_by_their_reason),
    ],
    "shared/counters": [
        (
            "counters[field] = counters[field] - journal[i + 2]",
            "",
            test_damaged_items.test_a_damaged_line_harms_no_other_settlement,
        ),
        ("    open_day(now)\n", "", test_statistics.test_a_days_first_change_keeps_the_totals_of_the_day_before),
    ],
    "sweep": [
        (
            "now - rules.dead_retention_ms, 'LIMIT', 0, call.most)",
            "now, 'LIMIT', 0, call.most)",
            test_dead_letters.test_a_dead_letter_that_nobody_moves_on_is_deleted_and_told,
        ),
        (
            "rules.dead_retention_ms > 0",
            "true",
            test_settle.test_without_a_dead_retention_a_dead_letter_is_kept_until_it_is_purged,
        ),
        (
            "count(totals, 'dropped', 1)",
            "",
            test_dead_letters.test_a_dead_letter_that_nobody_moves_on_is_deleted_and_told,
        ),
        (
            "math.max(#over, #past, #old)",
            "math.max(#over, #past)",
            test_dead_letters.test_dead_letters_are_deleted_a_batch_at_a_time,
        ),
        ("beat(call.worker, now)", "", test_sweep.test_workers_are_named_while_they_are_heard_of),
        ("keep_time()", "clock_ms()", partial(test_clock.test_the_lead_is_worked_off, sweeps=250)),
        ("redis.call('ZADD', CALLING, now + HANDED_OVER_MS, id)", "", test_sweep.test_one_worker_settles_a_lapsed_call),
        ("put_in_flight(found[5], now + HANDED_OVER_MS)", "", test_sweep.test_a_lapsed_call_is_not_due),
        (
            "    schedule(record[1], now)",
            "",
            test_cancel.test_the_line_of_an_expired_head_is_due_when_the_next_is,
        ),
        (
            "gate == 'closed' and math.max(at, gate_opens) or at",
            "at",
            test_sweep.test_a_sweep_wakes_nobody_while_the_account_is_paused,
        ),
        (
            "  each_band(AGENDA, look)\n",
            "",
            partial(test_sweep.test_a_sweep_wakes_for_what_is_due_before_the_next, seconds=1, woken=True),
        ),
        ("  each_band(PROMOTIONS, look)\n", "", test_sweep.test_a_sweep_wakes_for_what_becomes_urgent_in_a_line),
        ("  pause = redis.call('HGETALL', ACCOUNT),", "  pause = {},", test_sweep.test_a_sweep_tells_of_a_pause),
    ],
    "grant": [
        (
            " or free > now or priority",
            " or priority",
            test_grant.test_no_agenda_lets_a_window_be_broken,
        ),
        (
            " or priority_of_ready(tonumber(score)) ~= priority then",
            " then",
            partial(test_order.test_entries_of_the_version_before_are_taken_and_sorted, of_version="before"),
        ),
        ("if score == IN_FLIGHT then", "if false then", test_grant.test_a_line_has_at_most_one_call_in_flight),
        (
            "tonumber(string.match(kept, '^%S+')) ~= call.request",
            "true",
            test_requests.test_a_repeated_request_is_granted_the_same_calls,
        ),
        (
            "tonumber(string.match(kept, '^%S+')) ~= call.request",
            "false",
            test_requests.test_another_request_is_granted_others,
        ),
        ("record.token == token_of(position) and", "", test_requests.test_what_ended_meanwhile_is_not_granted_again),
        (
            "record.lease - rules.lease_ms)",
            "now)",
            test_requests.test_a_repeated_request_is_granted_the_same_calls,
        ),
        ("call_times[#call_times + 1] = now", "", test_grant.test_each_call_makes_room_a_window_after_itself),
        (
            "record.deadline and record.deadline <= now and",
            "false and",
            test_grant.test_what_is_past_its_deadline_is_not_called_and_the_next_is,
        ),
        (
            "within = math.min(within, record.deadline - now - 1)",
            "",
            test_grant.test_a_deadline_shortens_the_time_to_send,
        ),
        (
            "MOST_JOIN, JOIN_IN_A_LOOK = 64, 50, 100, 100",
            "MOST_JOIN, JOIN_IN_A_LOOK = 64, 50, 100, 0",
            test_submit.test_after_its_countdown_it_has_the_place_of_its_priority,
        ),
        (
            "due_in_band(line, priority, now, room, 'WITHSCORES')",
            "redis.call('ZRANGEBYSCORE', line, 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 0)",
            partial(
                test_promotions.test_however_many_become_due_together_in_a_line_the_urgent_one_goes_first, place=101
            ),
        ),
        (
            "'probe', token, 'until', now + rules.lease_ms",
            "'probe', token",
            test_breaker.test_after_the_cooldown_one_probe_begins_and_the_others_wait,
        ),
        (
            "    if free > now then\n      rate_opens",
            "    if false then\n      rate_opens",
            test_grant.test_the_rate_spaces_the_calls_of_the_account,
        ),
        (
            "  if tonumber(score) > 0 or free > now",
            "  if rules.call_interval_ms > 0 then use_rate(now, 0) end\n  if tonumber(score) > 0 or free > now",
            test_grant.test_a_deferred_call_uses_no_rate,
        ),
        (
            "if rules.daily_budget > 0 and spent",
            "if false and spent",
            test_statistics.test_a_spent_budget_pauses_the_account_until_the_next_day,
        ),
        ("spent + spending + units", "spent + units", test_statistics.test_a_budget_counts_calls_in_flight),
        ("    spend(now, spending)", "", test_statistics.test_a_spent_budget_pauses_the_account_until_the_next_day),
        (
            "math.max(record.ready_at, free)",
            "record.ready_at",
            test_statistics.test_a_call_is_late_from_when_its_time_and_its_number_allowed_it,
        ),
        (
            "redis.call('HSET', NOTIFICATION .. due[i], 'ready_at', ready_at)",
            "",
            test_statistics.test_a_call_is_late_from_when_its_time_and_its_number_allowed_it,
        ),
        (
            "record.attempts = record.attempts + 1",
            "record.attempts = 1",
            test_settle.test_after_the_last_attempt_it_is_a_dead_letter,
        ),
        ("    ordinary = ordinary + 1", "", test_order.test_ordinary_calls_leave_the_room_that_is_reserved),
        (
            "priority < rules.urgent_priority and math.min(room, call.ordinary - ordinary) or room",
            "room",
            test_order.test_ordinary_calls_leave_the_room_that_is_reserved,
        ),
        (
            "      least_priority = priority\n",
            "",
            test_promotions.test_more_promotions_than_one_request_takes_keep_the_order,
        ),
        ("  promote_due()\n", "", test_promotions.test_a_number_moves_up_when_something_urgent_becomes_ready),
        ("  wake_others()\n", "", test_wakeups.test_a_process_that_is_full_wakes_another),
        (
            "if ramp_left <= #grants then",
            "if false then",
            test_outage.test_after_an_outage_the_calls_come_back_little_by_little,
        ),
        (
            "    rate_opens = now + RAMP_LOOK_MS\n",
            "",
            test_outage.test_after_an_outage_the_calls_come_back_little_by_little,
        ),
        (
            "      use_ramp(#grants)\n",
            "",
            test_outage.test_after_an_outage_the_calls_come_back_little_by_little,
        ),
    ],
    "settle": [
        ("call_times[math.max(1, #call_times)] = now", "", test_settle.test_a_lapsed_call_is_counted_and_sent_again),
        (
            "if item.window == 'release' then",
            "if false then",
            test_settle.test_a_refused_attempt_releases_its_own_call_time_only,
        ),
        (
            "if item.window == 'release' then",
            "if item.state ~= 'accepted' then",
            test_settle.test_a_lapsed_call_is_counted_and_sent_again,
        ),
        (
            "call_times[#call_times] = nil",
            "call_times = {}",
            test_settle.test_a_refused_attempt_releases_its_own_call_time_only,
        ),
        ("if item.hold_until > now then", "if false then", test_settle.test_606_holds_the_number_and_counts_no_call),
        (
            "found[3] ~= item.token and item.lapsed ~= 1",
            "false",
            test_settle.test_a_late_success_is_taken_and_the_resend_is_not_made,
        ),
        (
            "elseif was.state ~= 'calling' then",
            "elseif false then",
            test_settle.test_a_settlement_sent_again_changes_nothing,
        ),
        (
            "item.lapsed == 1 and 'repeated' or was.state",
            "'repeated'",
            test_settle.test_a_settlement_sent_again_changes_nothing,
        ),
        (
            "item.lapsed == 1 and 'repeated' or was.state",
            "was.state",
            test_settle.test_a_lapse_that_the_reply_outran_decides_nothing,
        ),
        (" and item.code ~= '999'", "", test_statistics.test_codes_that_are_not_documented_are_counted_as_one),
        (
            "    return 'other'",
            "    return item.code",
            test_statistics.test_codes_that_are_not_documented_are_counted_as_one,
        ),
        ("is_new and redis", "false and redis", test_statistics.test_of_many_templates_the_last_are_counted_as_one),
        ("is_new and redis", "redis", test_statistics.test_of_many_templates_the_last_are_counted_as_one),
        (" and item.lapsed ~= 1 then", " then", test_settle.test_a_stale_lapse_changes_nothing),
        ("over[3] = 'token'", "", test_settle.test_a_late_success_is_taken_and_the_resend_is_not_made),
        ("call_times[#call_times] = now -- no", "-- no", test_settle.test_a_late_reply_counts_from_its_arrival),
        (
            "finish('late_success', item.id, was.mobile, now, was.state, reason, 'accepted'",
            "log(item.id, now, was.state, 'accepted'",
            test_settle.test_a_late_success_is_taken_and_the_resend_is_not_made,
        ),
        (
            "  if may_move('late_success', was.state, 'accepted') then\n    local",
            "  if was.state ~= 'calling' then\n    local",
            partial(test_settle.test_a_late_success_changes_no_final_state_but_is_on_record, final=State.CANCELLED),
        ),
        (
            "redis.call('HSET', NOTIFICATION .. item.id, 'override', 'accepted')",
            "",
            test_settle.test_a_late_success_decides_if_the_resend_in_flight_is_refused,
        ),
        (
            "if item.state ~= 'accepted' and was.override then",
            "if false then",
            test_cancel.test_a_withdrawn_call_that_was_lost_is_counted_and_not_sent_again,
        ),
        (
            "if item.state ~= 'accepted' and was.override then",
            "if was.override then",
            test_cancel.test_a_withdrawn_call_that_succeeds_is_accepted,
        ),
        (
            "was.deadline and was.deadline <= now",
            "false",
            test_settle.test_a_deadline_that_passed_during_the_call_ends_the_retries,
        ),
        (
            "if item.kind == 'unconfirmed' then",
            "if false then",
            test_settle.test_after_the_last_resend_it_is_a_dead_letter,
        ),
        (
            "redis.call('ZREM', CALLING, item.id)",
            "",
            partial(test_settle.test_what_has_ended_leaves_only_what_is_still_needed, end=State.ACCEPTED),
        ),
        (
            "  schedule(was.mobile, now)\n  return state",
            "  redis.call('ZADD', AGENDA, now, was.mobile)\n  return state",
            test_settle.test_after_an_attempt_the_agenda_has_the_time_of_the_next_call,
        ),
        (
            "tell_breaker(item, was.mobile, now)",
            "false",
            partial(
                test_outage.test_what_many_numbers_in_a_row_meet_alike_pauses_the_account,
                outcome=MAINTENANCE,
                reason="maintenance",
            ),
        ),
        (
            "in_outage and item.kind == 'transient'",
            "in_outage",
            test_outage.test_an_unknown_outcome_counts_in_an_outage_too,
        ),
        (
            "was.attempts - 1 or",
            "was.attempts or",
            test_outage.test_what_was_in_flight_when_the_outage_began_keeps_its_place_and_its_attempts,
        ),
        (
            "keeps_place and (next_probe and next_probe + 1 or was.ready_at) or math.max",
            "math.max",
            test_outage.test_what_was_in_flight_when_the_outage_began_keeps_its_place_and_its_attempts,
        ),
        ("next_probe and next_probe + 1 or", "", test_outage.test_each_probe_calls_another_number),
        (
            "  elseif keeps_place then\n    return 'waiting', next_probe and 'backoff' or 'new'\n",
            "",
            test_outage.test_the_last_attempt_of_its_own_is_not_spent_on_an_outage,
        ),
        (
            "(keeps_place or item.state == 'waiting') and",
            "item.state == 'waiting' and",
            partial(test_outage.test_the_deadline_runs_during_an_outage, attempts=2),
        ),
    ],
    "shared/breaker": [
        (
            "if redis.call('SCARD', RUN) < most then",
            "if true then",
            test_breaker.test_a_run_of_refusals_does_not_grow_while_the_account_is_paused,
        ),
        (
            "if not is_probe and (paused[1] or not fails) then",
            "if not is_probe then",
            test_breaker.test_a_failure_of_the_account_pauses_it_for_the_cooldown,
        ),
        (
            "(paused[1] or not fails)",
            "not fails",
            partial(test_breaker.test_a_call_begun_before_the_pause_changes_nothing_about_it, outcome=NO_BALANCE),
        ),
        (
            "local is_probe, last, last_reason = paused[2] == item.token,",
            "local is_probe, last, last_reason = paused[2] == item.token or item.verdict == 'success',",
            partial(test_breaker.test_a_call_begun_before_the_pause_changes_nothing_about_it, outcome=ACCEPTED),
        ),
        ("last * 2", "last", test_breaker.test_a_failed_probe_doubles_the_cooldown_up_to_its_maximum),
        (
            "math.min(most, last * 2)",
            "last * 2",
            test_breaker.test_a_failed_probe_doubles_the_cooldown_up_to_its_maximum,
        ),
        (
            "    first, most = rules.outage_probe_ms, rules.outage_probe_max_ms\n",
            "",
            test_outage.test_probes_go_from_seconds_to_a_minute,
        ),
        (
            " or OUTAGE[reason] ~= OUTAGE[last_reason] then",
            " then",
            test_outage.test_an_outage_may_turn_out_to_be_another_illness,
        ),
        (
            "    alike, most = item.verdict, rules.outage_run\n",
            "    alike = item.verdict\n",
            test_outage.test_failures_alike_are_one_outage_whatever_their_code,
        ),
        (
            "    alike, most = item.verdict, rules.outage_run\n",
            "    most = rules.outage_run\n",
            test_outage.test_failures_alike_are_one_outage_whatever_their_code,
        ),
        ("elseif item.verdict ~= 'suspect' then", "elseif false then", test_outage.test_a_lost_worker_is_no_outage),
        (
            " or OUTAGE[last_reason] and item.verdict == 'suspect' and not is_complete then",
            " then",
            test_outage.test_an_answer_to_the_probe_ends_the_outage,
        ),
        (
            " and not is_complete then",
            " then",
            test_outage.test_a_probe_that_completes_a_run_of_refusals_pauses_for_that,
        ),
        (
            "      begin_ramp(now)\n",
            "",
            test_outage.test_after_an_outage_the_calls_come_back_little_by_little,
        ),
        (
            "    if OUTAGE[last_reason] then\n      begin_ramp(now)\n    end\n",
            "    begin_ramp(now)\n",
            test_outage.test_after_another_pause_nothing_holds_calls_back,
        ),
        (
            "if fails or goes_on then",
            "if fails then",
            test_outage.test_an_outage_may_turn_out_to_be_another_illness,
        ),
        (
            "    return goes_on\n",
            "    return false\n",
            test_outage.test_what_was_in_flight_when_the_outage_began_keeps_its_place_and_its_attempts,
        ),
        (
            "return goes_on or is_complete and OUTAGE[item.verdict],",
            "return goes_on,",
            test_outage.test_the_one_that_shows_the_outage_keeps_its_place_too,
        ),
        (
            "redis.call('DEL', RUN, RUN_CODE)",
            "",
            partial(
                test_breaker.test_what_is_no_run_of_one_refusal_pauses_nothing,
                run=[REFUSED, REFUSED, ACCEPTED, REFUSED],
                why="",
            ),
        ),
        (
            "redis.call('DEL', RUN)\n",
            "\n",
            partial(
                test_breaker.test_what_is_no_run_of_one_refusal_pauses_nothing,
                run=[REFUSED, REFUSED, test_breaker.OTHER_REFUSAL],
                why="",
            ),
        ),
        (
            "redis.call('SADD', RUN, mobile)",
            "redis.call('SADD', RUN, item.id)",
            test_breaker.test_refusals_of_one_number_pause_nothing,
        ),
        (
            "math.max(item.pause_until, now + cooldown)",
            "now + cooldown",
            test_breaker.test_a_run_of_606_pauses_the_account_until_the_next_day,
        ),
    ],
    "shared/ramp": [
        (" - ramp[2]", "", test_outage.test_after_an_outage_the_calls_come_back_little_by_little),
        ("  redis.call('PEXPIRE', RAMP, RAMP_MS)\n", "", test_outage.test_the_ramp_ends),
    ],
    "shared/budget": [
        (
            "redis.call('DECRBY', SPENT .. day_of(called_at), units)",
            "",
            test_statistics.test_a_refusal_gives_its_units_back,
        ),
        (
            "redis.call('DEL', BUDGET_PAUSE) == 1",
            "false",
            test_statistics.test_a_refusal_ends_the_pause_of_a_budget,
        ),
    ],
    "shared/gate": [
        (
            "if budget_until and budget_until > now then",
            "if false then",
            test_statistics.test_a_spent_budget_does_not_open_an_account_whose_cooldown_is_over,
        ),
        (
            "if pause[1] and not (breaker_until and breaker_until <= now) then",
            "if false then",
            test_statistics.test_the_breakers_pause_and_the_budgets_hide_nothing_of_each_other,
        ),
    ],
    "cancel": [
        (
            "if may_move('cancel', state, 'cancelled') then",
            "if state == 'waiting' or state == 'calling' then",
            test_cancel.test_a_withdrawn_call_that_succeeds_is_accepted,
        ),
        ("  schedule(mobile, now)\n", "", test_cancel.test_a_number_whose_last_was_withdrawn_leaves_the_agenda),
    ],
    "replay": [
        (">= rules.max_line then", ">= 1e9 then", test_dead_letters.test_a_full_line_takes_no_replayed_dead_letter),
        ("'call_id', 'task_no')", "'task_no')", test_dead_letters.test_a_replayed_dead_letter_has_no_call_id),
        (
            "if not redis.call('ZSCORE', DEAD, id) then",
            "if false then",
            test_dead_letters.test_a_dead_letter_that_two_replay_comes_back_once,
        ),
        (
            "'call_id') == 1 then",
            "'call_id') == 2 then",
            test_settle.test_a_dead_letter_that_rang_is_replayed_only_on_request,
        ),
        (
            "'attempts', 'unconfirmed', ",
            "",
            test_dead_letters.test_attempts_and_resends_are_counted_anew_after_a_replay,
        ),
        (
            "redis.call('HSET', NOTIFICATION .. id, 'deadline', now + call.expires)",
            "",
            test_dead_letters.test_a_replayed_dead_letter_waits_as_if_submitted_now,
        ),
        (
            "local seq = redis.call('INCR', SEQUENCE)",
            "local seq = tonumber(redis.call('HGET', NOTIFICATION .. id, 'seq'))",
            test_dead_letters.test_a_replayed_dead_letter_stands_at_the_end_of_its_priority,
        ),
        ("  schedule(mobile, now)", "", test_dead_letters.test_a_replayed_dead_letter_waits_as_if_submitted_now),
    ],
    "purge": [
        (
            "if not redis.call('ZSCORE', DEAD, item.id) then",
            "if false then",
            test_dead_letters.test_only_the_dead_are_found_replayed_or_purged,
        ),
    ],
    "shared/dead_letter": [
        (
            "if key and redis.call('GET', KEY .. key) == id then",
            "if false then",
            test_keys.test_a_dead_letter_keeps_its_key_until_it_is_purged,
        ),
        ("count(counts, 'dead', -1)", "", test_dead_letters.test_a_purged_dead_letter_is_gone_and_the_others_are_not),
    ],
    "pause": [
        ("redis.call('DEL', ACCOUNT)", "", test_breaker.test_a_pause_by_hand_outdoes_the_breaker),
    ],
    "explain": [
        ("if others[i] ~= id then", "if false then", test_explain.test_the_due_time_comes_true),
        ("goes_before and 1 or 0", "goes_before and 1 or 1", test_explain.test_the_due_time_comes_true),
    ],
}


@pytest.mark.parametrize(
    ("script", "mutation"), [(script, mutation) for script, mutations in MUTATIONS.items() for mutation in mutations]
)
def test_each_guard_is_tested(script: str, mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script without one of its guards fails the test of that guard."""
    was, becomes, caught_by = mutation
    read = scripts.source
    assert was in read(script), "the script has changed, so the mutation has to"

    def mutated(name: str) -> str:
        return read(name).replace(was, becomes) if name == script else read(name)

    monkeypatch.setattr(scripts, "source", mutated)
    noticed = (AssertionError, pytest.fail.Exception)
    with pytest.raises((*noticed, redis.ResponseError, LedgerDamaged)) as caught:
        caught_by(Account(fakeredis.FakeRedis(decode_responses=True)))
    # The table of transitions is a guard too; any other error of a script is a mistake of the mutation.
    of_transitions = re.search("does not lead from|is not that of", str(caught.value))
    assert caught.errisinstance(noticed) or of_transitions
