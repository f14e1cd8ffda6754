import type { ServiceSpec } from "#shared/engine/engine.ts";
import type { Sha256 } from "#shared/schemas/names.ts";
import type { InspectResult } from "#shared/schemas/stager.ts";
import { jobName } from "#shared/swarm/names.ts";
import type { ModelContainer, ModelNode, Program } from "../model/model-objects.ts";
import type { Random } from "../model/random.ts";
import type { VirtualClock } from "../model/virtual-clock.ts";
import type { JobsTable } from "./memory-store.ts";
import { behaviourOf } from "./random-job.ts";

export interface StagerFaults {
  /** Probability that a stager or janitor fails. */
  failure: number;
}

type End = Awaited<ReturnType<Program>>;

/** What the containers of our services do. Jobs do what their command says; stagers and janitors act as in production. */
export class Containers {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #table: JobsTable;
  readonly #faults: StagerFaults;

  constructor(clock: VirtualClock, random: Random, table: JobsTable, faults: StagerFaults) {
    this.#clock = clock;
    this.#random = random;
    this.#table = table;
    this.#faults = faults;
  }

  async run(spec: ServiceSpec, container: ModelContainer): Promise<End> {
    const kind = spec.Labels["platform.kind"];
    const { signal } = container.killed;
    if (kind === "job") return await this.#runJob(spec, container);
    await this.#clock.sleep(this.#random.between(20, 400), signal).catch(() => undefined);
    if (signal.aborted) return { exit_code: 137 };
    if (kind === "janitor") return this.#runJanitor(spec, container);
    if (this.#random.chance(this.#faults.failure)) return { exit_code: this.#random.pick([10, 13, 20, 21]) };
    const { isDiskLow } = container.node;
    if (kind === "stage") return { exit_code: isDiskLow ? 13 : 0 };
    this.#upload(spec);
    return { exit_code: isDiskLow ? 14 : 0 };
  }

  async #runJob(spec: ServiceSpec, container: ModelContainer): Promise<End> {
    const { lasts_ms, exit_code, kind } = behaviourOf(spec.TaskTemplate.ContainerSpec.Args ?? []);
    if (kind === "absent") throw new Error("starting container failed: exec: executable file not found in $PATH");
    if (kind === "full") throw new Error("mkdir /var/lib/docker/overlay2/x: no space left on device");
    say(container, this.#clock.now(), "began");
    await this.#clock.sleep(lasts_ms, container.killed.signal).catch(() => undefined);
    return { exit_code, isOom: kind === "oom" };
  }

  #runJanitor(spec: ServiceSpec, container: ModelContainer): End {
    const { Args = [], Env = [] } = spec.TaskTemplate.ContainerSpec;
    const setting = (name: string) => Env.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
    if (this.#random.chance(this.#faults.failure)) return { exit_code: 70 };
    if (Args[0] === "inspect") {
      const found = container.node.remains.get(setting("PLATFORM_CONTAINER_ID"));
      say(container, this.#clock.now(), inspectionOf(found, container.node));
      return { exit_code: found ? 0 : 31 };
    }
    return { exit_code: this.#sweep(JSON.parse(setting("PLATFORM_JOBS")), container) };
  }

  #sweep(ids: readonly string[], { node }: ModelContainer): number {
    const busy = ids.filter((id) => [...node.containers.values()].some((other) => other.spec.Name === jobName(id)));
    for (const id of ids.filter((id) => !busy.includes(id)))
      for (const volume of [...node.volumes]) if (volume.startsWith(jobName(id))) node.volumes.delete(volume);
    return busy.length > 0 ? 30 : 0;
  }

  #upload(spec: ServiceSpec): void {
    const job = this.#table.jobs.get(spec.Labels["platform.id"] ?? "");
    if (job?.state !== "collecting") return;
    const targets = (spec.TaskTemplate.ContainerSpec.Mounts ?? []).map(({ Target }) => Target);
    const mounts = targets.flatMap((target) => /^\/volumes\/(\d+)$/.exec(target)?.[1] ?? []).map(Number);
    const known = new Set(job.artifacts.map(({ mount }) => mount));
    const added = mounts.filter((mount) => !known.has(mount));
    const artifacts = added.map((mount) => ({ mount, digest: "0".repeat(64) as Sha256, size_bytes: 1 }));
    this.#table.jobs.set(job.id, { ...job, artifacts: [...job.artifacts, ...artifacts] });
  }
}

/** The inspection's answer. A node's engine and its containers share one clock. */
function inspectionOf(found: ModelContainer | undefined, { isDiskLow, engine_started_ms }: ModelNode): string {
  const told = { kind: "inspect" as const, is_disk_low: isDiskLow };
  if (!found) return JSON.stringify({ ...told, found: false } satisfies InspectResult);
  const at = (ms: number) => new Date(ms).toISOString();
  return JSON.stringify({
    ...told,
    found: true,
    container_id: found.id,
    oom_killed: found.ended?.isOom ?? false,
    exit_code: found.ended?.exit_code ?? 0,
    started_at: at(found.started_at_ms),
    finished_at: at(found.started_at_ms),
    engine_started_at: at(engine_started_ms),
  } satisfies InspectResult);
}

function say({ log, listeners }: ModelContainer, time_ms: number, text: string): void {
  log.push({ time_ms, text });
  for (const wake of listeners) wake();
}
