import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeUnlessUnchanged, stateOfSources } from "../../../deploy/source-state.ts";
import { GitProject } from "../../support/builders/git-project.ts";

describe("the state of the sources", () => {
  test("is another with each changed, new or removed source, and with each commit", () => {
    using project = new GitProject({ "roles/a/main.ts": "1", "test/a.test.ts": "1", ".gitignore": "dist/\n" });
    const states = [stateOfSources(project.root)];
    const seen = () => states.push(stateOfSources(project.root));
    project.write({ "roles/a/main.ts": "2" });
    seen();
    project.write({ "shared/new.ts": "1" });
    seen();
    project.commit({});
    seen();
    rmSync(join(project.root, "shared/new.ts"));
    seen();
    expect(new Set(states).size).toBe(states.length);
  });

  test("stays with what does not go into the build", () => {
    using project = new GitProject({ "roles/a/main.ts": "1", "test/a.test.ts": "1", ".gitignore": "dist/\n" });
    const before = stateOfSources(project.root);
    project.write({ "test/a.test.ts": "2", "README.md": "new", "dist/platform-a": "built" });
    expect(stateOfSources(project.root)).toBe(before);
  });
});

describe("a build where nothing changed", () => {
  let folder: string;
  let result: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "platform-stamp-"));
    result = join(folder, "result");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const last = (state: string) => ({ stamp: join(folder, ".stamp"), state, results: [result] });
  const make = async () => {
    writeFileSync(result, "made");
    return ["result"];
  };

  test("is not asked for, until something changes or a result is gone", async () => {
    expect(await makeUnlessUnchanged(last("one"), make)).toEqual(["result"]);
    expect(await makeUnlessUnchanged(last("one"), make)).toEqual([]);
    expect(await makeUnlessUnchanged(last("two"), make)).toEqual(["result"]);
    rmSync(result);
    expect(await makeUnlessUnchanged(last("two"), make)).toEqual(["result"]);
  });

  test("is asked for again when the last one failed", async () => {
    writeFileSync(result, "old");
    const failing = makeUnlessUnchanged(last("one"), () => Promise.reject(new Error("does not compile")));
    await expect(failing).rejects.toThrow("does not compile");
    expect(await makeUnlessUnchanged(last("one"), make)).toEqual(["result"]);
  });
});
