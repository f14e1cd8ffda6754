import { randomBytes } from "node:crypto";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { type LabBench, smallJob } from "./lab-bench.ts";
import { median, report, say, spread } from "./measures.ts";

const samples = 10;
const input_bytes = 200_000;
const steps = ["platform_transfer", undefined, "platform_transfer"] as const;

/**
 * A job with one input and one output, from the request to its end; as its peer three bare jobs one after another on the
 * same networks that do nothing: what three containers cost. Ours runs a fourth beside the first, to make the output's volume.
 */
export async function stagedSteps({ broker, raw, quiet }: LabBench): Promise<void> {
  const phases: { readonly name: string; readonly ms: number }[] = [];
  const brokered = async (): Promise<number> => {
    const archive_b64 = tarOf([{ name: "input", content: randomBytes(input_bytes) }]).toString("base64");
    const mounts = [
      { target: "/in", archive_b64 },
      { target: "/out", read_only: false },
    ];
    const begin_ms = Date.now();
    const { id } = await broker.submit({ ...smallJob, command: ["sh", "-c", "cat /in/input >/out/output"], mounts });
    const { state, reason, times, artifacts } = await broker.ended(id);
    if (state !== "succeeded" || artifacts.length !== 1) throw new Error(`job ${id} ${state}: ${reason?.detail}`);
    const marks = Object.entries(times).flatMap(([name, time]) => (time ? [{ name, ms: Date.parse(time) }] : []));
    for (const [index, { name, ms }] of marks.entries()) phases.push({ name, ms: (marks[index + 1]?.ms ?? ms) - ms });
    return Date.parse(times.ended ?? "") - begin_ms;
  };
  const bare = async (): Promise<number> => {
    const begin_ms = performance.now();
    for (const network of steps) {
      const job = await raw.create(["true"], network);
      await job.readLog(await job.over());
      await job.remove();
    }
    return performance.now() - begin_ms;
  };

  const [ours, peer]: [number[], number[]] = [[], []];
  // The first sample of each is a warm-up.
  for (let sample = 0; sample <= samples; sample += 1) {
    await quiet();
    const brokered_ms = await brokered();
    await quiet();
    const bare_ms = await bare();
    if (sample === 0) continue;
    ours.push(brokered_ms);
    peer.push(bare_ms);
  }
  report("staged_steps_ms", "ms", median(ours), median(peer));
  say(`staged job, ms: ours ${spread(ours)}; raw ${spread(peer)}`);
  const each = [...Map.groupBy(phases, ({ name }) => name)].map(
    ([name, all]) => `${name} ${median(all.map(({ ms }) => ms)).toFixed(0)}`,
  );
  say(`  in each state, p50 ms: ${each.join(", ")}`);
}
