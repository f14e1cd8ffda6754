import { expect, test } from "bun:test";
import fc from "fast-check";
import { loadConfig } from "#shared/config/load-config.ts";
import { environmentOfOrder } from "#shared/schemas/stager.ts";
import { CollectConfig, FetchConfig, InspectConfig, JanitorConfig } from "../../../roles/stager/config.ts";

const hex = (chars: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${chars}}$`));
const token = fc.stringMatching(/^[A-Za-z0-9_-]{16,64}$/);
const deadline_ms = fc.integer({ min: 1_000, max: 3_600_000 });
const transfer_url = fc.webUrl({ validSchemes: ["http"] });
const index = fc.nat(15);
const few = { minLength: 1, maxLength: 16 };

const fetchMount = fc.record({
  index,
  writable: fc.boolean(),
  digest: fc.option(hex(64)),
  token: fc.option(token),
});
const orders = [
  ["fetch", FetchConfig, fc.record({ transfer_url, deadline_ms, mounts: fc.array(fetchMount, few) })],
  [
    "collect",
    CollectConfig,
    fc.record({
      transfer_url,
      deadline_ms,
      mounts: fc.array(fc.record({ index, token }), few),
      output_bytes_max: fc.integer({ min: 1_024, max: 2 ** 30 }),
    }),
  ],
  ["janitor", JanitorConfig, fc.record({ deadline_ms, jobs: fc.array(hex(32), few) })],
  ["inspect", InspectConfig, fc.record({ deadline_ms, container_id: hex(64) })],
] as const;

test.each(orders)("the stager reads the broker's %s order as it was given", (_, config, order) => {
  fc.assert(
    fc.property(order as fc.Arbitrary<object>, (given) => {
      expect(loadConfig(config, { env: environmentOfOrder(given) })).toMatchObject(given);
    }),
  );
});
