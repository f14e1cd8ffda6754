import type { Database } from "#shared/database/database.ts";
import { recordNodes } from "#shared/database/tables/nodes.ts";
import { dataVolumesOf } from "#shared/engine/data-volumes.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { gpuNames } from "#shared/swarm/gpus.ts";
import { label } from "#shared/swarm/labels.ts";
import type { Clock } from "#shared/time/clock.ts";

/** Records the present state of the Swarm's nodes. */
export async function recordSwarm(engine: Engine, sql: Database, clock: Clock): Promise<void> {
  const nodes = await engine.nodes();
  await recordNodes(
    sql,
    nodes.map(({ ID, Description, Spec, Status }) => ({
      id: ID,
      hostname: Description.Hostname,
      workload: Spec.Labels[label.workload] ?? null,
      state: Status.State,
      availability: Spec.Availability,
      details: {
        role: Spec.Role,
        address: Status.Addr,
        engine: Description.Engine.EngineVersion,
        cpus: Description.Resources.NanoCPUs / 1e9,
        memory_bytes: Description.Resources.MemoryBytes,
        data_volumes: dataVolumesOf(Spec.Labels),
        gpus: gpuNames(Description.Resources.GenericResources),
      },
      seen_at: new Date(clock.now()),
    })),
  );
}
