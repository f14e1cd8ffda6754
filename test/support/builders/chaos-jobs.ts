import type { JobResource } from "#shared/schemas/job.ts";
import type { Random } from "../../simulation/model/random.ts";
import type { BrokerLab } from "../worlds/broker-lab.ts";
import { tarOf } from "./archives/tar-builder.ts";

/** A job, and the ends that its challenge may be told. */
export interface ChaosJob {
  readonly request: object;
  readonly isCancelled: boolean;
  /** @throws Error that says what is wrong about the end */
  check(world: BrokerLab, job: JobResource): Promise<void>;
}

const gpuLimits = { cpus: 0.1, memory: "32m", gpu_count: 1 };
const shell = (script: string, more: object = {}) => ({ command: ["sh", "-c", script], ...more });

/** An end that the platform caused is never the submission's fault, and never a success. */
function isPlatforms({ state, fault }: JobResource): boolean {
  return fault === "platform" && state !== "succeeded";
}

function expectEnd(job: JobResource, isRight: boolean): void {
  if (!isRight && !isPlatforms(job))
    throw new Error(`job ${job.id} ended ${job.state} ${job.exit_code} ${JSON.stringify(job.reason)}`);
}

const lines = async (world: BrokerLab, id: string) =>
  await (await world.ask(`/v1/jobs/${id}/logs`, { headers: { accept: "application/x-ndjson" } })).text();

async function expectLog(world: BrokerLab, job: JobResource, text: string): Promise<void> {
  const log = await world.log(job.id);
  // An incomplete log, or one of a killed container, must be a beginning of the full text.
  const isWhole = job.log_complete && !isPlatforms(job);
  if (isWhole ? log !== text : !text.startsWith(log))
    throw new Error(`the log of job ${JSON.stringify(job)} is ${await lines(world, job.id)}`);
}

const kinds: readonly ((serial: number, seconds: number, random: Random) => ChaosJob)[] = [
  (serial, seconds, random) => ({
    request: shell(`echo out-${serial}; sleep ${seconds}; echo end`, random.chance(0.3) ? { limits: gpuLimits } : {}),
    isCancelled: false,
    async check(world, job) {
      expectEnd(job, job.state === "succeeded" && job.exit_code === 0);
      await expectLog(world, job, `out-${serial}\nend\n`);
    },
  }),
  (_serial, seconds, random) => {
    const code = random.between(1, 100);
    return {
      request: shell(`sleep ${seconds}; exit ${code}`),
      isCancelled: false,
      check: async (_world, job) =>
        expectEnd(job, job.state === "failed" && job.exit_code === code && job.fault === "submission"),
    };
  },
  () => ({
    request: shell("echo begun; sleep 600", { timeout_seconds: 3 }),
    isCancelled: false,
    async check(world, job) {
      expectEnd(job, job.state === "timed_out" && job.reason?.name === "timeout");
      await expectLog(world, job, "begun\n");
    },
  }),
  () => ({
    request: shell("sleep 600"),
    isCancelled: true,
    check: async (_world, job) => expectEnd(job, job.state === "cancelled"),
  }),
  (serial, seconds) => ({
    request: shell(`cat /in/a; cat /in/a >/out/b; sleep ${seconds}`, {
      mounts: [
        { target: "/in", archive_b64: tarOf([{ name: "a", content: Buffer.from(`in-${serial}`) }]).toString("base64") },
        { target: "/out", read_only: false },
      ],
    }),
    isCancelled: false,
    async check(world, job) {
      expectEnd(job, job.state === "succeeded");
      await expectLog(world, job, `in-${serial}`);
      if (job.state !== "succeeded" || !job.artifacts_complete) return;
      const artifact = await (await world.ask(`/v1/jobs/${job.id}/artifacts/1`)).text();
      if (!artifact.includes(`in-${serial}`)) throw new Error(`the artifact of job ${job.id} is another's`);
    },
  }),
];

export function chaosJob(serial: number, random: Random): ChaosJob {
  const kind = kinds[serial % kinds.length] as (typeof kinds)[number];
  return kind(serial, random.between(0, 8), random);
}
