import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isBlockedPath } from "../../../roles/proxy/pass-through/blocked-path.ts";

const blocked = [
  "/health",
  "/version",
  "/internal",
  "/internal/v1/get_weights",
  "/benchmark-executions",
  "/benchmark-executions/7/log",
  "/benchmark/run",
  "/benchmarks/7/execute",
  "/benchmarks/a/b/launch",
];
const allowed = [
  "/",
  "/benchmarks",
  "/benchmarks/tasks",
  "/benchmarks/run/7",
  "/v1/health",
  "/health/eval-jobs",
  "/internalx",
  "/submissions/1/launch",
  "/v1/benchmarks/run",
];

/** Every way of writing a character that some reader takes for it: itself, other case, percent-encoded once or more. */
const spelled = (char: string) => {
  const encoded = (text: string) => `%${text.charCodeAt(0).toString(16).padStart(2, "0")}`;
  const once = [encoded(char), encoded(char).toUpperCase(), encoded(char.toUpperCase())];
  const again = (text: string) => text.replaceAll("%", "%25");
  const layers = [...once, ...once.map(again), ...once.map((text) => again(again(text)))];
  const separators =
    char === "/" ? ["\\", "%5c", "%255C", "//", "/./", "/%2e/", "/x/../", "/x/%2E%2e/", "/x%2f..%5c"] : [];
  return fc.constantFrom(char, char.toUpperCase(), ...layers, ...separators);
};
const spellingOf = (path: string) => fc.tuple(...[...path].map(spelled)).map((chars) => chars.join(""));
const padding = fc.constantFrom("", "/", "//", "/.", "%2f", "%00", "%0a", "%20", ";a=1", "/x/..", "\\");

describe("a path that is kept from the public", () => {
  for (const path of blocked) {
    test(`${path} is blocked in every spelling`, () => {
      fc.assert(
        fc.property(spellingOf(path), padding, (text, end) => isBlockedPath(`/${text.replace(/^\//, "")}${end}`)),
        { numRuns: 400 },
      );
    });
  }

  test("stays blocked behind segments that are taken back", () => {
    for (const path of blocked) {
      for (const before of ["/..", "/v1/..", "/v1/%2e%2e", "/a/b/../..", "/%252e%252e"]) {
        expect(isBlockedPath(`${before}${path}`)).toBe(true);
      }
    }
  });
});

test("a path encoded deeper than any reader goes is blocked, and costs no time", () => {
  const begin = performance.now();
  expect(isBlockedPath(`/v1/x%${"25".repeat(15_000)}41`)).toBe(true);
  expect(performance.now() - begin).toBeLessThan(500);
});

describe("a path that is public", () => {
  test.each(allowed)("%s is allowed", (path) => {
    expect(isBlockedPath(path)).toBe(false);
  });
});
