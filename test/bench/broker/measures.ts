import { readFileSync } from "node:fs";

/** Clock ticks a second in /proc; 100 on every Linux that Debian builds. */
const ticks_per_second = 100;

/** One figure, for machines on standard output. */
export function report(name: string, unit: string, ours: number, peer: number): void {
  const round = (value: number) => Number(value.toFixed(value < 10 ? 2 : 1));
  const ratio = peer === 0 ? null : Number((ours / peer).toFixed(2));
  process.stdout.write(`${JSON.stringify({ name, unit, ours: round(ours), peer: round(peer), ratio })}\n`);
}

/** For people. */
export function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  if (value === undefined) throw new Error("nothing was measured");
  return value;
}

export const median = (values: readonly number[]) => percentile(values, 0.5);

export function spread(values: readonly number[]): string {
  const text = [0.05, 0.5, 0.95].map((part) => percentile(values, part).toFixed(1)).join(" / ");
  return `p5 / p50 / p95 ${text} of ${values.length}`;
}

/** User and system time of a process: proc(5), /proc/pid/stat fields 14 and 15. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks_per_second;
}

export function residentMegabytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) / 1_024;
}

/** CPU of the process over the next `seconds`, in percent of one core. */
export async function cpuPercent(pid: number, seconds: number): Promise<number> {
  const [cpu, begin] = [cpuSeconds(pid), performance.now()];
  await Bun.sleep(seconds * 1_000);
  return ((cpuSeconds(pid) - cpu) / ((performance.now() - begin) / 1_000)) * 100;
}

/** Calls `act` with each of `items`, `at_once` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  at_once: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const lane = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: at_once }, lane));
}
