import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { changesBetween, isGrave } from "../../../../roles/platform/plan/changes.ts";
import { choose } from "../../../../roles/platform/plan/choices.ts";
import type { Installation } from "../../../../roles/platform/plan/installation.ts";
import { anyInstallation, defaults } from "../../../support/builders/random-installations.ts";

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
