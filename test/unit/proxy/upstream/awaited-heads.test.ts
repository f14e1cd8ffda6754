import { expect, test } from "bun:test";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { AwaitedHeads } from "../../../../roles/proxy/upstream/awaited-heads.ts";
import { waitFor } from "../../../support/wait-for.ts";

test("an answer whose head does not come in time is given up, one that has come is not", async () => {
  let now_ms = 0;
  let looks = 0;
  const sleep = () => {
    looks += 1;
    return systemClock.sleep(1);
  };
  const clock = { ...systemClock, monotonic: () => now_ms, sleep };
  const awaited = new AwaitedHeads(clock);
  const late: string[] = [];
  const onFirstLate = () => void late.push("first");
  const onSecondLate = () => void late.push("second");
  awaited.add(onFirstLate);
  awaited.add(onSecondLate);
  now_ms = limits.proxy.upstream_head_ms_max - 1;
  awaited.delete(onSecondLate);
  awaited.add(() => void late.push("third"));
  await waitFor(() => looks > 3, { what: "looks before the deadline" });
  expect(late).toEqual([]);
  now_ms += 1;
  await waitFor(() => late.length > 0, { what: "the late answer" });
  expect(late).toEqual(["first"]);
  now_ms += limits.proxy.upstream_head_ms_max;
  await waitFor(() => late.length > 1, { what: "the second late answer" });
  expect(late).toEqual(["first", "third"]);
});
