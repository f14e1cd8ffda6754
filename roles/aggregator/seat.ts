import { advisoryLocks } from "#shared/database/advisory-locks.ts";
import type { Seat } from "#shared/database/lead.ts";

/** Who seals the epochs of `netuid`: one aggregator at a time. */
export function sealerSeat(netuid: number): Seat {
  return {
    name: "aggregator",
    lock: [advisoryLocks.aggregator_lead, netuid],
    table: "epoch_leads",
    key_column: "netuid",
    key: netuid,
  };
}
