import { readFileSync } from "node:fs";

/** Time as a seam: production uses `systemClock`, tests and the simulator their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds from an arbitrary origin, never going backwards: for durations and deadlines. */
  monotonic(): number;
  /**
   * Milliseconds since the machine booted, and the ID of that boot. The same in all processes; setting the wall clock does
   * not change it.
   */
  sinceBoot(): { readonly boot_id: string; readonly ms: number };
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

let bootId: string | undefined;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sinceBoot() {
    bootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { boot_id: bootId, ms: Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1_000 };
  },
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },
};
