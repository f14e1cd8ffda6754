import { expect, test } from "bun:test";
import { join } from "node:path";
import { migrations } from "#shared/database/migrations.ts";
import { sources } from "../../check/sources.ts";
import { ownerFaults, tableOwners, tablesOf } from "../../check/table-owners.ts";

const readme = await Bun.file(join(import.meta.dir, "../../../roles/README.md")).text();
const owners = tableOwners(readme);

test("the list names every table once", () => {
  const tables = ["schema_migrations", ...tablesOf(migrations.map(({ sql }) => sql))];
  expect(owners.map(({ table }) => table).toSorted()).toEqual(tables.toSorted());
});

test("no role has statements on another's table, and each writer is listed", () => {
  expect([...ownerFaults(owners, sources)]).toEqual([]);
});

const list = tableOwners("## Table owners\n| `jobs` | `broker` | `jobs.ts` | `supervisor`: stops them |\n");
const repository = {
  path: "shared/database/tables/jobs.ts",
  text: "export async function stop(sql) {\n  await sql`update jobs set stopped = true`;\n}",
};
const stopper = {
  path: "roles/supervisor/a.ts",
  text: 'import { stop } from "#shared/database/tables/jobs.ts";\nawait stop(sql);',
};

test.each([
  [
    "a role reads another's table",
    { path: "roles/admin/a.ts", text: "await sql`select * from jobs`" },
    "has statements on jobs",
  ],
  [
    "a role writes another's table",
    { path: "roles/admin/a.ts", text: "sql`delete from jobs`" },
    "has statements on jobs",
  ],
  [
    "a role that is not listed writes through the repository",
    { ...stopper, path: "roles/admin/a.ts" },
    "[supervisor,admin] write it",
  ],
  [
    "statements stand in a second file",
    { path: "shared/database/other.ts", text: "sql`select 1 from jobs`" },
    "stand in [jobs.ts,other.ts]",
  ],
])("it is found when %s", (_, file, fault) => {
  expect([...ownerFaults(list, [repository, stopper])]).toEqual([]);
  expect([...ownerFaults(list, [repository, stopper, file])]).toEqual([expect.stringContaining(fault)]);
});
