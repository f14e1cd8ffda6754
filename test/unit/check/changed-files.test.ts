import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { changedFiles } from "../../check/changed-files.ts";
import { GitProject } from "../../support/builders/git-project.ts";

test("the changed files are those that differ from where the branch left main, committed or not, new or not", async () => {
  using project = new GitProject({ "a.ts": "1", "b.ts": "1", "c.ts": "1", "gone.ts": "1", ".gitignore": "dist/\n" });
  project.git("switch", "--quiet", "--create", "work");
  project.commit({ "a.ts": "2" });
  project.git("switch", "--quiet", "main");
  project.commit({ "c.ts": "changed on main since" });
  project.git("switch", "--quiet", "work");
  project.write({ "b.ts": "2", "new.ts": "1", "dist/out.js": "1" });
  rmSync(join(project.root, "gone.ts"));
  expect(await changedFiles(project.root)).toEqual(["a.ts", "b.ts", "new.ts"]);
});

test("on main they are those not committed yet", async () => {
  using project = new GitProject({ "a.ts": "1", "b.ts": "1" });
  project.commit({ "a.ts": "2" });
  project.write({ "b.ts": "2" });
  expect(await changedFiles(project.root)).toEqual(["b.ts"]);
});
