"""How fast voice-notify is, beside other ways to do the same job: `python -m tests.benchmarks --help`.

**The job.** Check the number's windows in Redis (one Lua call), sign, POST over a kept-alive connection to a local
server that answers at once, record the result in Redis. Every number is called once. voice-notify does all that it
always does: ledger, history, deadline, lease, breaker. A peer does the job and no more (`job.py`).

**The systems.** voice-notify through `notify.delay`, once per notification, and through `notify.bulk`; naive Celery,
dramatiq, huey, taskiq, arq and RQ (`peers/`), each set up as its documentation recommends for throughput; and `bare`, a
loop without any queue: two processes with 16 threads and pipelined Redis calls, the practical limit. Two worker
processes each. Peers with threads use requests over one kept-alive session, those with asyncio use aiohttp on uvloop.

**The surroundings.** All of a run's processes share the machine: a Redis server and an nginx with one worker and a
fixed reply, both started for the run, the system's workers, and one producer. Everything is on the loopback interface.

**Throughput.** The workers are up, warm (each of the two processes has placed calls) and idle. One producer process
then submits all notifications, as fast as it can, while the workers work. The clock runs from the first submit to the
last recorded result, so the cost of submitting, which shares the cores, counts for every system.

**Enqueue rate.** Apart from that, the producer alone submits to an empty system whose workers are stopped, after a few
submits to open its connections.

**Order.** So many notifications are submitted while the workers are stopped; they start, and have all 32 calls in
flight. Then urgent ones are submitted one at a time, few enough to need no more than a fifth of the calls. What counts
is the time from the submit until the request arrives at a provider that takes its time to reply; replies stray by up to
a half, so that calls do not all end at once. What still waits in the end is not worked off. Here, only systems that
know priorities are compared, each set up for these (`peers/priority/`).

**Rounds.** The systems take turns within each round, each with fresh workers and an empty Redis; tables show medians
and the spread over the rounds. How many notifications a system gets in a round follows from its speed in the rounds
before, at first in its warm-up, so that each measurement takes about `--seconds`.

CPU time is the operating system's account of the processes (user and system), for Redis its own `INFO cpu`. Commands
are the sum over `INFO commandstats`, those inside of scripts included. Round trips are the times that Redis had
something to read from a client (`total_reads_processed`); a pipeline of less than 16 KiB counts once.
"""
