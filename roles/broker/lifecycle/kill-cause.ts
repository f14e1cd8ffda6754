import { Value } from "@sinclair/typebox/value";
import type { Task } from "#shared/engine/engine.ts";
import { readJson } from "#shared/json/read-json.ts";
import { limits } from "#shared/schemas/limits.ts";
import { environmentOfOrder, InspectResult } from "#shared/schemas/stager.ts";
import { inspectorName } from "#shared/swarm/names.ts";
import { withDeadline } from "#shared/time/with-deadline.ts";
import type { PlacedJob } from "../job/job.ts";
import type { Killer } from "../job/outcome.ts";
import { type LogRecord, logBytes, readLog } from "../logs/job-log.ts";
import { fullNodeOf } from "../placement/full-nodes.ts";
import { ensureService } from "../swarm/ensure.ts";
import { janitorService } from "../swarm/stager-service-spec.ts";
import { isOver, tasksOf } from "../swarm/tasks-view.ts";
import type { DispatchWorld } from "./world.ts";

/**
 * Who ended the task's container, by an inspection on its node (jobs §6). Swarm itself does not say whether the kernel
 * killed it for want of memory. An engine that stops, or restarts after a crash, also ends containers, and reports them
 * like one that ended itself. Then the engine started later than the container. (A node's `UpdatedAt` is no evidence of a
 * restart: it changes with every task.)
 */
export function killerOf(found: InspectResult | null): Killer {
  if (!found?.found) return "unknown";
  if (found.oom_killed) return "kernel";
  if (!found.engine_started_at) return "unknown";
  return Date.parse(found.engine_started_at) > Date.parse(found.started_at) ? "engine" : "itself";
}

/** Inspects the task's container and its node's disk; null when there is no answer within `inspect_ms_max`. */
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
      // The service is created again when a former leader's late removal took it away.
      if (!task) await ensureService(engine, service);
      if (!task || !isOver(task)) {
        await clock.sleep(settings.tick_ms);
        continue;
      }
      // The disk was so full that the inspection itself could not start.
      if (fullNodeOf(task)) return { kind: "inspect", is_disk_low: true, found: false };
      const left_ms = Math.max(1, deadline_ms - clock.monotonic());
      const records: LogRecord[] = [];
      await withDeadline(clock, left_ms, (signal) =>
        readLog(engine, task.ID, { signal }, (record) => records.push(record)),
      );
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
        log.warn(
          { err: error, job: job.id },
          "the inspection's service could not be removed; the supervisor will remove it",
        ),
      );
  }
}

function parse(text: string): InspectResult | null {
  const result = readJson(text.trim().split("\n").at(-1) ?? "");
  return Value.Check(InspectResult, result) ? result : null;
}
