import { expect, test } from "bun:test";
import { RepeatedWork } from "#shared/observability/repeated-work.ts";

test("a failure is logged when it begins and when its cause changes, and its end once", () => {
  const lines: string[] = [];
  const heard = {
    error: (_: object, line: string) => lines.push(line),
    info: (line: string) => lines.push(line),
  };
  const work = new RepeatedWork(heard, "reconciling");
  work.worked();
  for (const cause of ["away", "away", "full", "full"]) work.failed(new Error(cause));
  work.worked();
  work.worked();
  work.failed(new Error("full"));
  const fails = "reconciling fails; it is tried again until it works";
  expect(lines).toEqual([fails, fails, "reconciling works again", fails]);
});
