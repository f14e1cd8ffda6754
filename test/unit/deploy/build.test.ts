import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildRoles, executablePath, rolesToBuild } from "../../../deploy/build.ts";
import { makeUnlessFresh, originOf } from "../../../deploy/built.ts";
import { commitOf } from "../../../deploy/commit.ts";
import { inputsOfRoles } from "../../../deploy/role-inputs.ts";
import { GitProject } from "../../support/builders/git-project.ts";

/** Two roles: the page and the word belong to the first alone. */
const files = {
  "package.json": '{ "name": "small", "type": "module", "imports": { "#shared/*": "./shared/*" } }',
  "bun.lock": "",
  "tsconfig.json": "{}",
  ".gitignore": "dist/\n",
  "README.md": "small\n",
  "shared/word.ts": 'export const word: string = "hello";\n',
  "shared/number.ts": "export const number: number = 1;\n",
  "shared/table.sql": "select 1;\n",
  "roles/first/page.html":
    '<!doctype html><link rel="stylesheet" href="./page.css"><script src="./page.ts"></script>\n',
  "roles/first/page.css": "body { color: red }\n",
  "roles/first/page.ts": 'document.title = "first";\n',
  "roles/first/later.ts": 'import sql from "#shared/table.sql" with { type: "text" };\nexport const later = sql;\n',
  "roles/first/main.ts": `import { word } from "#shared/word.ts";
import page from "./page.html";
const { later } = await import("./later.ts");
process.stdout.write(JSON.stringify([word, typeof page, later, BUILD_COMMIT]));
`,
  "roles/second/main.ts": 'import { number } from "#shared/number.ts";\nprocess.stdout.write(String(number));\n',
};
const compile_ms_max = 120_000;

/** Folders that this file made. */
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function cloneOf(project: GitProject): string {
  const folder = mkdtempSync(join(tmpdir(), "platform-clone-"));
  folders.push(folder);
  project.git("clone", "--quiet", project.root, folder);
  return folder;
}

test("a role's inputs are all that it imports: code, pages, styles and texts, also what it loads late", async () => {
  using project = new GitProject(files);
  const inputs = await inputsOfRoles(project.root, ["first", "second"]);
  const own = (role: string) => inputs.get(role)?.filter((path) => /^(roles|shared)\//.test(path));
  expect(own("first")).toEqual([
    "roles/first/later.ts",
    "roles/first/main.ts",
    "roles/first/page.css",
    "roles/first/page.html",
    "roles/first/page.ts",
    "shared/table.sql",
    "shared/word.ts",
  ]);
  expect(own("second")).toEqual(["roles/second/main.ts", "shared/number.ts"]);
  expect(inputs.get("second")).toContain("bun.lock");
});

test(
  "a build makes the roles that depend on what changed and no other, and two clones' bytes are the same",
  async () => {
    using project = new GitProject(files);
    const [one, other] = [cloneOf(project), cloneOf(project)];
    const build = (root: string) => buildRoles(root, rolesToBuild(root, []));
    const bytesOf = (root: string, role: string) => Bun.hash(readFileSync(executablePath(root, role)));
    expect(await build(one)).toEqual(["first", "second"]);
    expect(await build(one)).toEqual([]);
    expect(await build(other)).toEqual(["first", "second"]);
    for (const role of ["first", "second"]) expect(bytesOf(one, role)).toBe(bytesOf(other, role));
    const before = bytesOf(one, "second");
    writeFileSync(join(one, "roles/first/page.css"), "body { color: blue }\n");
    expect(await build(one)).toEqual(["first"]);
    expect(bytesOf(one, "second")).toBe(before);
    const blue = bytesOf(one, "first");
    expect(blue).not.toBe(bytesOf(other, "first"));
    writeFileSync(join(one, "roles/first/page.css"), "body { color: green }\n");
    expect(await build(one)).toEqual(["first"]);
    expect(bytesOf(one, "first")).not.toBe(blue);
  },
  compile_ms_max,
);

test("a build of a role that is none names those there are", () => {
  using project = new GitProject(files);
  expect(() => rolesToBuild(project.root, ["third"])).toThrow("no such role: third; known: first, second");
});

describe("the commit that a result names", () => {
  test("is the last one that changed its inputs, whatever was committed since", async () => {
    using project = new GitProject(files);
    const before = await commitOf(project.root, ["shared/word.ts", "package.json"]);
    expect(before).toBe(project.git("rev-parse", "--short=12", "HEAD"));
    project.commit({ "README.md": "other\n", "shared/number.ts": "export const number = 2;\n" });
    expect(await commitOf(project.root, ["shared/word.ts", "package.json"])).toBe(before);
    expect(await commitOf(project.root, ["shared/number.ts"])).not.toBe(before);
  });

  test("says when its inputs hold changes that are not committed", async () => {
    using project = new GitProject(files);
    project.write({ "shared/word.ts": 'export const word = "changed";\n' });
    expect(await commitOf(project.root, ["shared/word.ts"])).toMatch(/^[0-9a-f]{12}-dirty$/);
    expect(await commitOf(project.root, ["shared/number.ts"])).toMatch(/^[0-9a-f]{12}$/);
  });
});

describe("a result that was built", () => {
  const origin = { key: "k", commit: "c" };

  test("is made again when it is gone, or another commit is to be named", async () => {
    const folder = mkdtempSync(join(tmpdir(), "platform-built-"));
    folders.push(folder);
    const result = join(folder, "result");
    const make = async () => writeFileSync(result, "made");
    expect(await makeUnlessFresh(result, origin, make)).toBe(true);
    expect(await makeUnlessFresh(result, origin, make)).toBe(false);
    expect(await makeUnlessFresh(result, { ...origin, commit: "d" }, make)).toBe(true);
    rmSync(result);
    expect(await makeUnlessFresh(result, { ...origin, commit: "d" }, make)).toBe(true);
  });

  test("does not count when its build broke off", async () => {
    const folder = mkdtempSync(join(tmpdir(), "platform-built-"));
    folders.push(folder);
    const result = join(folder, "result");
    await makeUnlessFresh(result, origin, async () => writeFileSync(result, "made"));
    const broken = makeUnlessFresh(result, { ...origin, key: "l" }, async () => {
      writeFileSync(result, "half");
      throw new Error("no space left");
    });
    await expect(broken).rejects.toThrow("no space left");
    expect(existsSync(result)).toBe(true);
    expect(originOf(result)).toBeUndefined();
  });
});
