import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { pathFault } from "../../../../roles/proxy/pass-through/blocked-path.ts";
import { isKept, keptByPython, pathReaders, startElysia } from "../../../support/builders/path-readers.ts";
import { rawRequest } from "../../../support/worlds/proxy-world.ts";

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
  "/v1/files/a.txt",
  "/v1/files/..a/b../.c/...",
  "/v1/items;v=1/%41%2f%3b%3F",
];

const encoded = (char: string) => `%${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
const again = (text: string) => text.replaceAll("%", "%25");

/** Every way of writing a character that some reader takes for it: itself, other case, percent-encoded once or more. */
const spelled = (char: string) => {
  const once = [encoded(char), encoded(char).toUpperCase(), encoded(char.toUpperCase())];
  const layers = [...once, ...once.map(again), ...once.map((text) => again(again(text)))];
  const separators =
    char === "/" ? ["\\", "%5c", "%255C", "//", "/./", "/%2e/", "/x/../", "/x/%2E%2e/", "/x%2f..%5c"] : [];
  return fc.constantFrom(char, char.toUpperCase(), ...layers, ...separators);
};
const spellingOf = (path: string) => fc.tuple(...[...path].map(spelled)).map((chars) => chars.join(""));
const padding = fc.constantFrom("", "/", "//", "/.", "%2f", "%00", "%0a", "%20", ";a=1", "/x/..", "\\");

describe("a path that is kept from the public", () => {
  for (const path of blocked) {
    test(`${path} is refused in every spelling`, () => {
      fc.assert(
        fc.property(spellingOf(path), padding, (text, end) => pathFault(`/${text.replace(/^\//, "")}${end}`) !== null),
        { numRuns: 400 },
      );
      expect(pathFault(path)).toBe("blocked");
    });
  }
});

describe("a path with a dot segment", () => {
  const dots = fc.oneof(spellingOf("."), spellingOf(".."));
  const after = fc.constantFrom("", ";", ";a=1", "%3b", "%253Bx", "%00", "%20", "%09", "%23", "%3fq");
  const separator = fc.oneof(spelled("/"), fc.constantFrom("/;/", "/;x=1/", "\\;%2f"));
  const around = fc.constantFrom("", "x", "internal", "health", "a;b", "%41");

  test("is refused as such wherever it stands and however it is spelled, before anything is blocked", () => {
    fc.assert(
      fc.property(
        around,
        separator,
        dots,
        after,
        fc.option(separator),
        around,
        (first, slash, dot, end, next, last) => {
          const path = `/${first}${slash}${dot}${end}${next === null ? "" : next + last}`;
          return pathFault(path) === "dotted";
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

/** Pieces of which paths are made that readers could disagree on. */
const piece = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom("/", "/", "//", "\\") },
      { weight: 3, arbitrary: fc.constantFrom("health", "version", "internal", "benchmark", "benchmarks", "run", "x") },
      { weight: 3, arbitrary: fc.constantFrom(".", "..", ";", ";", "?", "#", ";a=1", "%", "2", "5", "e", "f", "3b") },
      { weight: 1, arbitrary: fc.constantFrom("\0", "\t", "\n", "\r", " ", "\x7f", "\xa0") },
    ),
    fc.nat(3),
  )
  .map(([text, layers]) => {
    // What a request's path cannot hold as it is: the door refuses it, or ends the path there.
    const from = /[\0-\x20\x7f-\xff?#]/.test(text) ? 1 : 0;
    if (from + layers === 0 || layers === 3) return from === 0 ? text : encoded(text);
    return Array.from({ length: from + layers - 1 }).reduce<string>(again, [...text].map(encoded).join(""));
  });
const hostilePath = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => `/${pieces.join("")}`);
const passing = hostilePath.filter((path) => pathFault(path) === null);

describe("no path that passes is read as a kept one", () => {
  test("by any chain of readers", () => {
    const chain = fc.array(fc.constantFrom(...Object.keys(pathReaders)), { maxLength: 4 });
    fc.assert(
      fc.property(passing, chain, (path, names) => {
        const read = names.reduce((text, name) => pathReaders[name]?.(text) ?? text, path);
        if (isKept(read)) throw new Error(`${names.join(", ")}: ${JSON.stringify(read)}`);
      }),
      { numRuns: 20_000 },
    );
  });

  test("by Python's urllib and posixpath", async () => {
    expect(await keptByPython(fc.sample(passing, 1_000))).toEqual([]);
  }, 30_000);

  describe("by Elysia on Bun's server", () => {
    let elysia: ReturnType<typeof startElysia>;
    beforeAll(() => {
      elysia = startElysia();
    });
    afterAll(() => elysia.stop());

    test("which does serve the kept ones", async () => {
      for (const path of ["/health", "/x/../version", "/a/%2e%2e\\internal/x", "/benchmarks/7/run"]) {
        expect(await rawRequest(elysia.port, requestOf(path))).toEndWith("kept");
      }
    });

    test("over the wire", async () => {
      for (const path of fc.sample(passing, 500)) {
        const answer = await rawRequest(elysia.port, requestOf(path));
        if (answer.endsWith("kept")) throw new Error(path);
      }
    });
  });
});

const requestOf = (path: string) => `GET ${path} HTTP/1.1\r\nHost: challenge-demo:8000\r\nConnection: close\r\n\r\n`;

test("a path encoded deeper than any reader goes is blocked, and costs no time", () => {
  const begin = performance.now();
  expect(pathFault(`/v1/x%${"25".repeat(15_000)}41`)).toBe("blocked");
  for (const text of [";a%2f%3b", "%25253b%252509/", ";%253b%25%30%39/", "%0a;%250a%253b"]) {
    pathFault(`/${text.repeat(30_000 / text.length)}`);
  }
  expect(performance.now() - begin).toBeLessThan(500);
});

describe("a path that is public", () => {
  test.each(allowed)("%s is allowed", (path) => {
    expect(pathFault(path)).toBeNull();
  });
});
