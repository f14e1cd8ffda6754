import { limits } from "#shared/schemas/limits.ts";
import { withDeadline } from "./deadline-signal.ts";
import type { DispatchWorld } from "./dispatch-world.ts";
import { ensureService } from "./engine-acts.ts";
import type { Job } from "./job.ts";
import { logBytes, readLog } from "./job-log.ts";
import { janitorService } from "./stager-service-spec.ts";
import { isOver } from "./tasks-view.ts";

export const inspectorName = (id: string) => `platform-inspect-${id}`;

/**
 * Whether the kernel killed the container for want of memory: Swarm does not say, so the janitor looks at the container on
 * its node (jobs §6). Null when it cannot be told within 10 s.
 */
export async function wasOutOfMemory(
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
