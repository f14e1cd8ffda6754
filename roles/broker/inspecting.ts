import type { Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { withDeadline } from "./deadline-signal.ts";
import type { DispatchWorld } from "./dispatch-world.ts";
import { ensureService } from "./engine-acts.ts";
import type { Job } from "./job.ts";
import { logBytes, readLog } from "./job-log.ts";
import type { Killer } from "./outcome.ts";
import { janitorService } from "./stager-service-spec.ts";
import { isOver } from "./tasks-view.ts";

export const inspectorName = (id: string) => `platform-inspect-${id}`;

/** A node's record changes when its engine comes or goes; so close to a container's end that may have been the reason. */
const restart_ms_max = 60_000;

/**
 * Who ended the task's container by a signal. Swarm does not say whether it was the kernel for want of memory: the janitor
 * looks at the container on its node, within 10 s (jobs §6). An engine that stops, or starts after a crash, ends the
 * containers of jobs as well, and says the same of them as of one that ended itself.
 */
export async function killerOf(world: DispatchWorld, job: Job, task: Task): Promise<Killer> {
  const containerId = task.Status.ContainerStatus?.ContainerID;
  const wasOom = containerId ? await wasOutOfMemory(world, job, containerId) : null;
  if (wasOom === null) return "unknown";
  if (wasOom) return "kernel";
  const node = (await world.engine.nodes()).find(({ ID }) => ID === job.node_id);
  const ended_ms = Date.parse(task.Status.Timestamp);
  const isChanged = node?.Status.State !== "ready" || Date.parse(node.UpdatedAt) > ended_ms - restart_ms_max;
  return isChanged ? "engine" : "itself";
}

/** Null when it cannot be told in time. */
async function wasOutOfMemory(
  { engine, clock, settings, log }: DispatchWorld,
  job: Job,
  containerId: string,
): Promise<boolean | null> {
  const name = inspectorName(job.id);
  const deadline_ms = clock.monotonic() + limits.jobs.inspect_ms_max;
  if (!job.node_id) return null;
  try {
    const env = { PLATFORM_CONTAINER_ID: containerId, PLATFORM_DEADLINE_MS: String(limits.jobs.inspect_ms_max) };
    await ensureService(
      engine,
      janitorService({ name, task: "inspect", node_id: job.node_id, stager_image: settings.stager_image, env }),
    );
    while (clock.monotonic() < deadline_ms) {
      await clock.sleep(settings.tick_ms);
      const [task] = await engine.tasksOfService(name);
      if (!task || !isOver(task)) continue;
      const left_ms = Math.max(1, deadline_ms - clock.monotonic());
      const { records } = await withDeadline(clock, left_ms, (signal) => readLog(engine, task.ID, signal));
      return parse(logBytes(records, "stdout").toString());
    }
    return null;
  } catch (error) {
    log.warn({ err: error, job: job.id }, "the killed container could not be inspected");
    return null;
  } finally {
    await engine
      .removeService(name)
      .catch((error: unknown) =>
        log.warn({ err: error, job: job.id }, "the inspection's service stays for the reaper"),
      );
  }
}

function parse(text: string): boolean | null {
  const line = text.trim().split("\n").at(-1) ?? "";
  try {
    const { found, oom_killed } = JSON.parse(line) as { found?: boolean; oom_killed?: boolean };
    return found ? oom_killed === true : null;
  } catch {
    return null;
  }
}
