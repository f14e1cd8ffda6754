import { describe, expect, test } from "bun:test";
import { deadPaths, unlikeTables } from "../../check/readme-tables.ts";

const table = (...cells: string[]) =>
  `| file | holds |\n| --- | --- |\n${cells.map((c) => `| \`${c}\` | x |\n`).join("")}`;

/** A project with one role, whose README has these rows, and the folders of `shared/` that these rows name. */
function findingsOf(roleRows: readonly string[], sharedRows: readonly string[] = ["time/"]): string[] {
  return [
    ...unlikeTables([
      { path: "roles/one/main.ts", text: "" },
      { path: "roles/one/room/part.ts", text: "" },
      { path: "roles/one/samples/a.awk", text: "" },
      { path: "roles/one/README.md", text: `# One\n\n${table("not/of/files.ts")}\n## Files\n\n${table(...roleRows)}` },
      { path: "shared/time/clock.ts", text: "" },
      { path: "shared/README.md", text: table(...sharedRows) },
    ]),
  ];
}

describe("a role's table of files", () => {
  const all = ["main.ts", "room/part.ts", "samples/"];

  test("names every file, a folder standing for what is in it", () => {
    expect(findingsOf(all)).toEqual([]);
  });

  test("that lacks a file is found", () => {
    expect(findingsOf(["main.ts", "samples/"])).toEqual(["roles/one/README.md: its table does not name room/part.ts"]);
  });

  test("that names what is gone is found", () => {
    const finding = "roles/one/README.md: its table names room/gone.ts, which is not there";
    expect(findingsOf([...all, "room/gone.ts"])).toEqual([finding]);
  });

  test("that is missing is found", () => {
    expect([...unlikeTables([{ path: "roles/one/main.ts", text: "" }])]).toEqual([
      'roles/one/README.md: has no table under "## Files"',
    ]);
  });

  test("of shared/ names its folders", () => {
    expect(findingsOf(all, [])).toEqual(["shared/README.md: its table does not name time/"]);
    expect(findingsOf(all, ["time/", "blobs/"])).toEqual([
      "shared/README.md: its table names blobs/, which is not there",
    ]);
  });
});

describe("a path in a document", () => {
  const files = [
    { path: "roles/one/main.ts", text: "" },
    { path: "roles/README.md", text: "" },
  ];
  const deadIn = (text: string) => [...deadPaths([...files, { path: "shared/design/jobs.md", text }])];

  test("leads to a file or folder, as a link too", () => {
    expect(
      deadIn("`roles/one/main.ts`, `roles/one/`, [all](../../roles/README.md#words), [web](https://x.org)"),
    ).toEqual([]);
  });

  test("that leads nowhere is found", () => {
    expect(deadIn("`roles/one/gone.ts`")).toEqual(["shared/design/jobs.md: roles/one/gone.ts is not there"]);
    expect(deadIn("[all](../roles/README.md)")).toEqual(["shared/design/jobs.md: shared/roles/README.md is not there"]);
  });

  test("with a placeholder is not asked for", () => {
    expect(deadIn("`test/<suite>/x.test.ts` and `roles/*/main.ts`")).toEqual([]);
  });
});
