import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { adopt, asItRuns, type Choices, choose, epochSeconds } from "../../../../roles/platform/plan/choices.ts";
import type { Installation } from "../../../../roles/platform/plan/installation.ts";
import type { RunningInstallation } from "../../../../roles/platform/plan/running-installation.ts";
import { anyChoices, anyInstallation, defaults } from "../../../support/builders/random-installations.ts";

const nothing: RunningInstallation = {
  netuid: undefined,
  chain: undefined,
  epoch_seconds: undefined,
  ports: { proxy: undefined, admin: undefined, ops: undefined, chain: undefined },
  is_encrypted: undefined,
  socket: undefined,
  database_secret: undefined,
};
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
