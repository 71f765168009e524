"""One per compound: readers, decider, spool, uplink and the gate console."""
