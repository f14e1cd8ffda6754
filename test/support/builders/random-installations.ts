import fc from "fast-check";
import { type Choices, choose, defaultInstallation } from "../../../roles/platform/plan/choices.ts";

/** What is installed when nobody chooses anything. */
export const defaults = defaultInstallation("host");
const port = fc.integer({ min: 1, max: 65_535 });
/** Options that are given, each alone or with any others. */
export const anyChoices: fc.Arbitrary<Choices> = fc.record(
  {
    name: fc.constantFrom("one", "two"),
    netuid: fc.integer({ min: 0, max: 65_535 }),
    epochSeconds: fc.integer({ min: 1, max: 10_000 }),
    chainEndpoint: fc.constantFrom(["development"], ["finney"], ["wss://a.example", "wss://b.example"]),
    databaseUrl: fc.constantFrom("embedded", "postgres://u:p@db.example/one"),
    proxyPort: port,
    adminPort: port,
    opsPort: port,
    chainPort: port,
    encryption: fc.boolean(),
    advertiseAddr: fc.constantFrom("10.0.0.1", "10.0.0.2"),
    socket: fc.constantFrom("/run/docker.sock", "/run/other.sock"),
  },
  { requiredKeys: [] },
);
export const anyInstallation = anyChoices.map((choices) => choose(defaults, choices));
