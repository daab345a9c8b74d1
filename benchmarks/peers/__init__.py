"""The same work in other engines, and how fast it could be at all.

The work: from events of chats in a topic of Kafka, one event a record, pair the customer's first message of each contact with the first
reply to it, and count and sum those times by queue and minute, by event time. `work` draws the events and has the answer that all
must give. `faust_`, `quix`, `bytewax_` and `flink` do it as their documentation shows; `raw` only fetches, and fetches and decodes; `ours`
is a worker, which does all that it always does: every measure, clock and rollup of the default policy. They run in an environment of their own.
"""
