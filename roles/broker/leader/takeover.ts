import { seal } from "#shared/engine/seal.ts";
import { jobFleet, label } from "#shared/swarm/labels.ts";
import type { Job } from "../job/job.ts";
import type { DispatchWorld } from "../lifecycle/world.ts";

/**
 * Before a new leader does anything else: what a former one left unsealed could be started again by Swarm at any moment
 * (jobs §3). Services of jobs that are collecting or over are sealed; stagers whose time is over, and all janitors, which
 * are sent again where they are still needed, are removed.
 */
export async function sealWhatIsOver({ engine, log }: DispatchWorld, active: readonly Job[]): Promise<void> {
  const states = new Map(active.map(({ id, state }) => [id, state]));
  for (const { Spec, ID } of await engine.services(jobFleet)) {
    const state = states.get(Spec.Labels[label.id] ?? "");
    const kind = Spec.Labels[label.kind];
    if (kind === "job") {
      if (state === undefined || state === "collecting") await seal(engine, Spec.Name);
    } else if (!(kind === "stage" && state === "staging") && !(kind === "collect" && state === "collecting")) {
      log.info({ service: Spec.Name }, "a former leader's service is over");
      await engine.removeService(ID);
    }
  }
}
