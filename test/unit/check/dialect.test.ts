import { expect, test } from "bun:test";
import { dialect } from "../../check/dialect.ts";

const findingsOf = (text: string) => [...dialect([{ path: "roles/x.ts", text }])];

test("a function of five parameters is found, a method and a constructor too", () => {
  expect(findingsOf("function f(a, b, c, d, e) {}")).toEqual(["roles/x.ts:1: a function of 5 parameters, at most 4"]);
  expect(findingsOf("class C { constructor(a, b, c, d, e) {} m(a, b, c, d, e) {} }")).toHaveLength(2);
  expect(findingsOf("interface I { m(a, b, c, d, e): void }")).toHaveLength(1);
  expect(findingsOf("const f = (a, b, c, d, e) => 1;")).toHaveLength(1);
});

test("a function of four parameters passes, and one whose parameters the called function dictates", () => {
  expect(findingsOf("function f(a, b, c, d) {}")).toEqual([]);
  expect(findingsOf("test.each(rows)('%s', async (a, b, c, d, e) => {});")).toEqual([]);
});

test("a literal spread into a literal is found", () => {
  expect(findingsOf("const a = { ...{ b: 1, c: 2 }, d: 3 };")).toEqual([
    "roles/x.ts:1: a literal spread into a literal: write its members",
  ]);
  expect(findingsOf("const a = [...[1, 2], 3];")).toHaveLength(1);
  expect(findingsOf("const a = { ...(b ? { c } : {}), ...d };\nconst e = [...(b ? [1] : []), ...d];")).toEqual([]);
});

test("a constant in UPPER_CASE is found, and one that the build declares passes", () => {
  expect(findingsOf("const a = 1;\nconst BYTES_MAX = 2;")).toEqual([
    "roles/x.ts:2: BYTES_MAX: quantities are snake_case with their unit last, other constants camelCase",
  ]);
  expect(findingsOf("declare const BUILD_COMMIT: string;\nconst bytes_max = 1, topLevel = 2, MiB = 2 ** 20;")).toEqual(
    [],
  );
});
