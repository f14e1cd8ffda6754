import { describe, expect, test } from "bun:test";
import { unresolvedCitations } from "../../check/citations.ts";

const design = [
  { path: "shared/design/jobs.md", text: "# Jobs\n\n## 1. The API\n\n## 3. One result\n\n### 3.2 A seal\n" },
  { path: "shared/design/contract.md", text: "# Contract\n\n## 4. Broker\n" },
  { path: "shared/design/decisions/0002-a-seal.md", text: "# 0002: A seal\n" },
];

/** What the rule finds in one file of code. */
function findingsOf(text: string): string[] {
  return [...unresolvedCitations([...design, { path: "roles/x.ts", text }])];
}

describe("a citation of the design", () => {
  test("resolves to the heading of its number, a subheading and a list of numbers too", () => {
    expect(findingsOf("/** Ends it (jobs §3). */\n// contract §4\n// jobs §3.2, then jobs §1, §3 and §1\n")).toEqual(
      [],
    );
  });

  test("resolves where a comment's line ends between the document and the number", () => {
    expect(findingsOf("/**\n * As it is said (jobs\n * §3).\n */\n")).toEqual([]);
    expect(findingsOf("/**\n * As it is said (jobs\n * §7).\n */\n")).toHaveLength(1);
  });

  test("of a heading that is not there is found, with its line", () => {
    expect(findingsOf("one\n// (jobs §9)\n")).toEqual([
      'roles/x.ts:2: "jobs §9" has no heading in shared/design/jobs.md',
    ]);
    expect(findingsOf("// jobs §1, §8")[0]).toContain('"jobs §8"');
    expect(findingsOf("// jobs §3.1")[0]).toContain('"jobs §3.1"');
  });

  test("of a document that is not there is found", () => {
    expect(findingsOf("// stack §1")[0]).toContain('"stack §1" is no document');
    expect(findingsOf("// see §1")[0]).toContain('"see §1" is no document');
  });

  test("is written in one form", () => {
    expect(findingsOf("// jobs.md §3")).toEqual(['roles/x.ts:1: write "jobs §3", without .md']);
  });

  test("leaves the sections of RFCs alone", () => {
    expect(findingsOf("/** RFC 9110 §13.1.2, the weak comparison; RFC 9112 §3.2, §6.1. */")).toEqual([]);
  });
});

test("a decision that is cited is there", () => {
  expect(findingsOf("// decision 0002")).toEqual([]);
  expect(findingsOf("// decision 0009")).toEqual([
    "roles/x.ts:1: there is no decision 0009 in shared/design/decisions",
  ]);
});
