import { expect, test } from "bun:test";
import { limits } from "#shared/schemas/limits.ts";
import { FullNodes, fullNodeOf, fullNodeOfStager } from "../../../../roles/broker/placement/full-nodes.ts";
import { VirtualClock } from "../../../simulation/model/virtual-clock.ts";

const { dispatch } = limits.jobs;

test("a worker whose disk was seen full gets no job for 5 min", async () => {
  const clock = new VirtualClock();
  const nodes = new FullNodes(clock);
  const ended = (NodeID: string, Err: string) => ({
    ID: "t",
    CreatedAt: "",
    ServiceID: "s",
    NodeID,
    DesiredState: "complete" as const,
    Spec: {},
    Status: { State: "failed" as const, Timestamp: "", Err },
  });
  const seen = [
    fullNodeOfStager(ended("a", "task: non-zero exit (13)")),
    fullNodeOf(ended("b", "mkdir /x: no space left on device")),
    // A job's own exit code 13 says nothing about the disk.
    fullNodeOf(ended("c", "task: non-zero exit (13)")),
  ];
  for (const id of seen) if (id) nodes.spare(id);
  clock.stepWallClock(3_600_000);
  expect(["a", "b", "c"].map((id) => nodes.has(id))).toEqual([true, true, false]);
  await clock.advance(dispatch.full_node_ms);
  expect(["a", "b"].map((id) => nodes.has(id))).toEqual([false, false]);
});
