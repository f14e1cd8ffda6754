import { type LabBench, smallJob } from "./lab-bench.ts";
import { median, report, say, spread } from "./measures.ts";

const samples = 30;
/** Long enough to be seen running. The job ends by itself, because a stop would disturb the next sample more. */
const command = ["sleep", "1"];

/** From the request to the moment at which Swarm says the container ran: `times.running` is the task's own time stamp. */
export async function dispatchLatency({ broker, raw, quiet }: LabBench): Promise<void> {
  const brokered = async (): Promise<number> => {
    const begin_ms = Date.now();
    let job = await broker.submit({ ...smallJob, command });
    while (job.times.running === null) {
      if (job.times.ended !== null) throw new Error(`job ${job.id} never ran: ${JSON.stringify(job.reason)}`);
      job = await broker.job(job.id, "10s");
    }
    await broker.ended(job.id);
    return Date.parse(job.times.running) - begin_ms;
  };
  const bare = async (): Promise<number> => {
    const begin_ms = Date.now();
    const job = await raw.create(command);
    const { Status } = await job.started();
    await job.over();
    await job.remove();
    if (Status.State !== "running") throw new Error(`a bare job is ${Status.State}: ${Status.Err}`);
    return Date.parse(Status.Timestamp) - begin_ms;
  };

  const [ours, peer]: [number[], number[]] = [[], []];
  // The first sample of each is a warm-up.
  for (let sample = 0; sample <= samples; sample += 1) {
    const isBareFirst = sample % 2 === 1;
    for (const isBare of [isBareFirst, !isBareFirst]) {
      await quiet();
      const ms = await (isBare ? bare() : brokered());
      if (sample > 0) (isBare ? peer : ours).push(ms);
    }
  }
  report("dispatch_p50_ms", "ms", median(ours), median(peer));
  say(`dispatch, ms: ours ${spread(ours)}; raw ${spread(peer)}; ${(median(ours) - median(peer)).toFixed(0)} ms more`);
}
