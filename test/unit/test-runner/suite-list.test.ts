import { describe, expect, test } from "bun:test";
import { parseAsked } from "../../support/runner/suite-list.ts";

/** What a word of the command line runs: suites and their test files. */
function filesOf(...words: string[]): Record<string, string[]> {
  return Object.fromEntries(
    parseAsked(words).map(({ title, command }) => [title, command.filter((part) => part.startsWith("./test/"))]),
  );
}

const runnersOwn = "./test/unit/test-runner/suite-list.test.ts";

describe("a part of a path behind a suite", () => {
  test("runs that suite's files with it, written with a slash or with a dash", () => {
    expect(filesOf("unit", "test-runner/suite-list")).toEqual({ unit: [runnersOwn] });
    expect(filesOf("unit", "test-runner-suite-list")).toEqual({ unit: [runnersOwn] });
    expect(filesOf("unit", "test/unit/test-runner/suite-list.test.ts")).toEqual({ unit: [runnersOwn] });
  });

  test("runs each file once, and leaves the next suite whole", () => {
    const files = filesOf("unit", "suite-list", "test-runner-suite-list", "contract");
    expect(files).toEqual({ unit: [runnersOwn], contract: ["./test/contract/"] });
  });

  test("is refused with the suite's name where no file has it", () => {
    expect(() => parseAsked(["unit", "no-such-subject"])).toThrow('no test file of unit has "no-such-subject"');
  });
});

describe("a part of a path alone", () => {
  test("runs the files of every suite that has such", () => {
    expect(filesOf("suite-list")).toEqual({ unit: [runnersOwn] });
    const suites = Object.keys(filesOf("supervisor"));
    expect(suites).toContain("unit");
    expect(suites).toContain("integration");
  });

  test("that no file has is refused with the suites there are", () => {
    expect(() => parseAsked(["units"])).toThrow(/no suite and no test file "units".*unit/);
  });
});

test("an option of check is handed on to it", () => {
  expect(parseAsked(["check", "--changed"])[0]?.command.slice(-2)).toEqual(["check", "--changed"]);
});
