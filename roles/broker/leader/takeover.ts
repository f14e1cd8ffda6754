import { seal } from "#shared/engine/seal-service.ts";
import { jobFleet, label } from "#shared/swarm/labels.ts";
import type { Job } from "../job/job.ts";
import type { DispatchWorld } from "../lifecycle/world.ts";

/**
 * A new leader's first act. It seals the services of jobs that are collecting or ended: Swarm could start an unsealed one
 * again at any moment (jobs §3). It removes stagers whose job has moved on, and all janitors. Needed janitors are sent again.
 */
export async function sealWhatIsOver({ engine, log }: DispatchWorld, active: readonly Job[]): Promise<void> {
  const states = new Map(active.map(({ id, state }) => [id, state]));
  for (const { Spec, ID } of await engine.services(jobFleet)) {
    const state = states.get(Spec.Labels[label.id] ?? "");
    const kind = Spec.Labels[label.kind];
    if (kind === "job") {
      if (state === undefined || state === "collecting") await seal(engine, Spec.Name);
    } else if (!(kind === "stage" && state === "staging") && !(kind === "collect" && state === "collecting")) {
      log.info({ service: Spec.Name }, "removing a former leader's stager or janitor");
      await engine.removeService(ID);
    }
  }
}
