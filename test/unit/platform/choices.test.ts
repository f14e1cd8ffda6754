import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { changesBetween, isGrave } from "../../../roles/platform/plan/changes.ts";
import {
  adopt,
  asItRuns,
  type Choices,
  choose,
  defaultInstallation,
  epochSeconds,
} from "../../../roles/platform/plan/choices.ts";
import type { Installation } from "../../../roles/platform/plan/installation.ts";
import type { RunningInstallation } from "../../../roles/platform/plan/running-installation.ts";

const defaults = defaultInstallation("host");
const nothing: RunningInstallation = {
  netuid: undefined,
  chain: undefined,
  epoch_seconds: undefined,
  ports: { proxy: undefined, admin: undefined, ops: undefined, chain: undefined },
  is_encrypted: undefined,
  socket: undefined,
  database_secret: undefined,
};
const port = fc.integer({ min: 1, max: 65_535 });
/** Options that are given, each alone or with any others. */
const anyChoices: fc.Arbitrary<Choices> = fc.record(
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
const anyInstallation = anyChoices.map((choices) => choose(defaults, choices));
const without = (choices: Choices, key: string) =>
  Object.fromEntries(Object.entries(choices).filter(([name]) => name !== key)) as Choices;
/** What the roles of `installation` were started with. */
const runningAs = (installation: Installation): RunningInstallation => ({
  ...nothing,
  netuid: installation.subnet.netuid,
  chain:
    installation.chain.kind === "external"
      ? { kind: "external", endpoints: installation.chain.endpoints }
      : installation.chain,
  epoch_seconds: epochSeconds(installation),
  ports: installation.ports,
  is_encrypted: installation.network.is_encrypted,
  socket: installation.engine.socket,
});

describe("choices", () => {
  test("that no option names stay as they are", () => {
    fc.assert(fc.property(anyInstallation, (installation) => expect(choose(installation, {})).toEqual(installation)));
  });

  test("are changed by their own option alone, whatever else is given", () => {
    fc.assert(
      fc.property(anyInstallation, anyChoices, (installation, choices) => {
        for (const key of Object.keys(choices)) {
          const alone = choose(choose(installation, without(choices, key)), {
            [key]: choices[key as keyof Choices],
          } as Choices);
          expect(alone).toEqual(choose(installation, choices));
        }
      }),
    );
  });

  test("once made are found again in what runs, except those that no role is told", () => {
    fc.assert(
      fc.property(anyInstallation, (installation) => {
        const { name, database, engine, network } = installation;
        const known = { ...defaults, name, database, engine, network };
        expect(adopt(known, runningAs(installation), {})).toEqual({
          ...installation,
          subnet: {
            netuid: installation.subnet.netuid,
            ...(epochSeconds(installation) === epochSeconds({ ...defaults, chain: installation.chain })
              ? {}
              : { epoch_seconds: epochSeconds(installation) }),
          },
        });
        expect(epochSeconds(asItRuns(installation, runningAs(installation)))).toBe(epochSeconds(installation));
      }),
    );
  });
});

describe("an installation without a file of which nothing runs", () => {
  test("is not guessed: subnet and chain must be named", () => {
    expect(adopt(defaults, nothing, {})).toEqual({ missing: ["--netuid", "--chain-endpoint"] });
    expect(adopt(defaults, nothing, { netuid: 7 })).toEqual({ missing: ["--chain-endpoint"] });
    expect(adopt(defaults, nothing, { netuid: 7, chainEndpoint: ["finney"] })).toMatchObject({
      subnet: { netuid: 7 },
      chain: { kind: "external", endpoints: ["finney"] },
    });
  });
});

describe("changes", () => {
  const database = "the embedded database";
  const of = (installation: Installation) => ({ installation, database });

  test("are none between an installation and itself", () => {
    fc.assert(
      fc.property(anyInstallation, (installation) =>
        expect(changesBetween(of(installation), of(installation))).toEqual([]),
      ),
    );
  });

  test("of database, subnet and chain are grave, with what they mean, and no others are", () => {
    fc.assert(
      fc.property(anyInstallation, anyInstallation, (from, to) => {
        const changes = changesBetween(of(from), { installation: to, database: `postgres://${to.name}` });
        for (const { what, meaning } of changes) expect(isGrave({ what })).toBe(meaning !== null);
        const grave = changes.filter(isGrave).map(({ what }) => what);
        expect(grave.includes("netuid")).toBe(from.subnet.netuid !== to.subnet.netuid);
        expect(grave.includes("chain")).toBe(JSON.stringify(from.chain) !== JSON.stringify(to.chain));
        expect(grave.includes("database")).toBe(true);
      }),
    );
  });

  test("of an endpoint's path alone are seen, and its path is not shown: it may be a key", () => {
    const external = (endpoint: string) => of(choose(defaults, { chainEndpoint: [endpoint] }));
    const [change] = changesBetween(external("wss://a.example/key-one"), external("wss://a.example/key-two"));
    expect(change?.what).toBe("chain");
    expect(JSON.stringify(change)).not.toContain("key-");
  });
});
