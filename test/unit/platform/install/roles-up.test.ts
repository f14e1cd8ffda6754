import { expect, test } from "bun:test";
import type { Task, TaskState } from "#shared/engine/engine.ts";
import { label } from "#shared/swarm/labels.ts";
import { type Deployed, requireNewTasks } from "../../../../roles/platform/install/roles-up.ts";

const taskOf = (digest: string, State: TaskState, Err = ""): Task => ({
  ID: digest + State,
  CreatedAt: "2026-01-01T00:00:00Z",
  ServiceID: "service",
  DesiredState: "running",
  Spec: { ContainerSpec: { Labels: { [label.spec]: digest } } },
  Status: { State, Timestamp: "2026-01-01T00:00:00Z", Err },
});
const engineWith = (...tasks: Task[]) => ({ tasks: async () => tasks });
const updated: Deployed = { name: "platform-proxy", did: "updated", digest: "new" };

test("a role is not ready while only a container of its former spec runs", async () => {
  await expect(requireNewTasks(engineWith(taskOf("old", "running")), [updated])).rejects.toThrow("it has not started");
  expect(await requireNewTasks(engineWith(taskOf("old", "running"), taskOf("new", "running")), [updated])).toBe(true);
});

test("what the engine says of a role that does not start is told", async () => {
  const engine = engineWith(taskOf("new", "rejected", "bind: address already in use"));
  await expect(requireNewTasks(engine, [updated])).rejects.toThrow("platform-proxy: bind: address already in use");
});

test("a role that was kept needs no new container", async () => {
  expect(await requireNewTasks(engineWith(), [{ ...updated, did: "kept" }])).toBe(true);
});
