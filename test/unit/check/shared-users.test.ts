import { expect, test } from "bun:test";
import { sharedUsers } from "../../check/shared-users.ts";

const file = (path: string, ...imports: string[]) => ({
  path,
  text: imports.map((name) => `import { x } from "${name}";\n`).join(""),
});
const admin = file("roles/admin/a.ts", "#shared/one/a.ts");
const broker = file("roles/broker/b.ts", "#shared/one/a.ts");
const a = file("shared/one/a.ts", "../two/b.ts");
const b = file("shared/two/b.ts");

test("a file that two roles use, directly or through shared/, is shared", () => {
  expect([...sharedUsers([admin, broker, a, b], {})]).toEqual([]);
});

test("a file that one role or none uses is found, whatever tests do with it", () => {
  const tested = file("test/unit/a.test.ts", "#shared/two/b.ts");
  expect([...sharedUsers([admin, tested, a, b], {})]).toEqual([
    "shared/one/a.ts: only admin uses it: it belongs there",
    "shared/two/b.ts: only admin uses it: it belongs there",
  ]);
  expect([...sharedUsers([tested, b], {})]).toEqual(["shared/two/b.ts: no role uses it"]);
});

test("an exception is allowed until a second role uses the file", () => {
  const allowed = { "shared/one/a.ts": "why", "shared/two/b.ts": "why" };
  expect([...sharedUsers([admin, a, b], allowed)]).toEqual([]);
  expect([...sharedUsers([admin, broker, a, b], allowed)]).toHaveLength(2);
});
