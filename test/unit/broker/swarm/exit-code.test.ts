import { expect, test } from "bun:test";
import { type StagerEnd, stagerEndOf, stagerExit } from "#shared/schemas/stager.ts";
import { exitCodeIn } from "../../../../roles/broker/swarm/exit-code.ts";

test("every exit code of the stager is read back from Swarm's message; other messages have none", () => {
  for (const [end, code] of Object.entries(stagerExit))
    expect(stagerEndOf(exitCodeIn(`task: non-zero exit (${code})`))).toBe(end as StagerEnd);
  expect(stagerEndOf(exitCodeIn("task: non-zero exit (99)"))).toBeNull();
  expect(stagerEndOf(exitCodeIn("the container's hook: exit (13)"))).toBeNull();
});
