import { Value } from "@sinclair/typebox/value";
import type { Task } from "#shared/engine/engine.ts";
import { readJson } from "#shared/json/read-json.ts";
import { limits } from "#shared/schemas/limits.ts";
import { environmentOfOrder, InspectResult } from "#shared/schemas/stager.ts";
import { inspectorName } from "#shared/swarm/names.ts";
import { withDeadline } from "#shared/time/with-deadline.ts";
import type { PlacedJob } from "../job/job.ts";
import type { Killer } from "../job/outcome.ts";
import { logBytes, readLog } from "../logs/job-log.ts";
import { fullNodeOf } from "../placement/full-nodes.ts";
import { ensureService } from "../swarm/ensure.ts";
import { janitorService } from "../swarm/stager-service-spec.ts";
import { isOver, tasksOf } from "../swarm/tasks-view.ts";
import type { DispatchWorld } from "./world.ts";

/**
 * Who ended the task's container. Swarm does not say whether it was the kernel for want of memory: the janitor
 * has looked at the container on its node (jobs §6). An engine that stops, or starts after a crash, ends the
 * containers of jobs as well, and says the same of them as of one that ended itself; it started after they did. (A node's
 * record does not tell: it changes with every task that comes or goes there.)
 */
export function killerOf(found: InspectResult | null): Killer {
  if (!found?.found) return "unknown";
  if (found.oom_killed) return "kernel";
  if (!found.engine_started_at) return "unknown";
  return Date.parse(found.engine_started_at) > Date.parse(found.started_at) ? "engine" : "itself";
}

/** What is left of the task's container, and how its node's disk is; null when it cannot be told within 10 s. */
export async function inspect(
  { engine, clock, settings, log }: DispatchWorld,
  job: PlacedJob,
  { Status }: Task,
): Promise<InspectResult | null> {
  const container_id = Status.ContainerStatus?.ContainerID;
  if (!container_id) return null;
  const name = inspectorName(job.id);
  const deadline_ms = clock.monotonic() + limits.jobs.inspect_ms_max;
  try {
    const env = environmentOfOrder({ container_id, deadline_ms: limits.jobs.inspect_ms_max });
    const { stager_image } = settings;
    const service = janitorService({ name, task: "inspect", node_id: job.node_id, stager_image, env });
    while (clock.monotonic() < deadline_ms) {
      const [task] = await tasksOf(engine, name);
      // Again, too, where a former leader's removal came late.
      if (!task) await ensureService(engine, service);
      if (!task || !isOver(task)) {
        await clock.sleep(settings.tick_ms);
        continue;
      }
      // It could not even start.
      if (fullNodeOf(task)) return { kind: "inspect", is_disk_low: true, found: false };
      const left_ms = Math.max(1, deadline_ms - clock.monotonic());
      const { records } = await withDeadline(clock, left_ms, (signal) => readLog(engine, task.ID, signal));
      return parse(logBytes(records, "stdout").toString());
    }
    return null;
  } catch (error) {
    log.warn({ err: error, job: job.id }, "the container could not be inspected");
    return null;
  } finally {
    await engine
      .removeService(name)
      .catch((error: unknown) =>
        log.warn({ err: error, job: job.id }, "the inspection's service stays for the reaper"),
      );
  }
}

function parse(text: string): InspectResult | null {
  const result = readJson(text.trim().split("\n").at(-1) ?? "");
  return Value.Check(InspectResult, result) ? result : null;
}
