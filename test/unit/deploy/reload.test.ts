import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reloadOnChange } from "../../../deploy/reload.ts";
import { waitFor } from "../../support/wait-for.ts";

let root: string;
let ending: AbortController;
let said: string[];
let builds: number;
let reloads: number;
let following: Promise<void>;

/** Follows two folders; `build` says what a build makes, or throws. */
function follow(build: () => Promise<readonly string[]>): void {
  following = reloadOnChange({
    root,
    folders: ["roles", "shared"],
    build: () => {
      builds += 1;
      return build();
    },
    reload: async () => {
      reloads += 1;
    },
    say: (line) => said.push(line),
    signal: ending.signal,
  });
}

const change = (path: string, text: string): void => writeFileSync(join(root, path), text);
const heard = (what: string, isSo: () => boolean) => waitFor(async () => isSo(), { deadline_ms: 5_000, what });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "platform-dev-"));
  for (const folder of ["roles/broker", "shared"]) mkdirSync(join(root, folder), { recursive: true });
  [ending, said, builds, reloads] = [new AbortController(), [], 0, 0];
});

afterEach(async () => {
  ending.abort();
  await following;
  rmSync(root, { recursive: true, force: true });
});

describe("following the sources", () => {
  test("builds a change in a folder below, and reloads what was made of it", async () => {
    follow(async () => ["broker"]);
    change("roles/broker/main.ts", "1");
    await heard("the reload", () => reloads > 0);
    await heard("its line", () => said.some((line) => /^reloaded in .* s: broker$/.test(line)));
  });

  test("reloads nothing when nothing was made of a change", async () => {
    follow(async () => []);
    change("shared/README.md", "1");
    await heard("the build", () => builds > 0);
    change("shared/README.md", "2");
    await heard("the next build", () => builds > 1);
    expect(reloads).toBe(0);
  });

  test("says why a source does not build, and goes on with the next change", async () => {
    let isSound = false;
    follow(async () => {
      if (!isSound) throw new Error("broker does not compile");
      return ["broker"];
    });
    change("roles/broker/main.ts", "(");
    await heard("the sentence", () => said.some((line) => line.endsWith("broker does not compile")));
    expect(reloads).toBe(0);
    isSound = true;
    change("roles/broker/main.ts", "1");
    await heard("the reload", () => reloads > 0);
  });

  test("builds again what changed while it built, one build at a time", async () => {
    const gate = Promise.withResolvers<void>();
    let [atOnce, atOnceMost] = [0, 0];
    follow(async () => {
      atOnce += 1;
      atOnceMost = Math.max(atOnceMost, atOnce);
      if (builds === 1) await gate.promise;
      atOnce -= 1;
      return ["broker"];
    });
    change("roles/broker/main.ts", "1");
    await heard("the first build", () => builds === 1);
    const seen = new Promise<void>((resolve) => {
      const watcher = watch(join(root, "roles"), { recursive: true }, () => {
        watcher.close();
        resolve();
      });
    });
    change("roles/broker/main.ts", "2");
    await seen;
    gate.resolve();
    await heard("the second build", () => builds > 1);
    expect(atOnceMost).toBe(1);
  });
});
