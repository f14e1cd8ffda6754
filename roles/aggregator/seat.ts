import { advisoryLocks } from "#shared/database/advisory-locks.ts";
import type { Seat } from "#shared/database/lead.ts";

/** The lead among the aggregators of `netuid`: one of them seals. */
export function sealerSeat(netuid: number): Seat {
  return {
    name: "aggregator",
    lock: [advisoryLocks.aggregator_lead, netuid],
    table: "epoch_leads",
    key_column: "netuid",
    key: netuid,
  };
}
