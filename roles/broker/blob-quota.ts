import { ProblemError } from "#shared/http/problem.ts";
import type { Clock } from "#shared/time/clock.ts";

interface Use {
  bytes: number;
  readonly read_ms: number;
}

const fresh_ms = 5_000;

/**
 * How many bytes of blobs each challenge has, read now and then, and what this process added since: a sum over all of a
 * challenge's blobs at each of its jobs would grow with them. Deleted ones are seen a moment late.
 */
export class BlobQuota {
  readonly #read: (challenge: string) => Promise<number>;
  readonly #clock: Clock;
  readonly #uses = new Map<string, Use>();

  constructor(read: (challenge: string) => Promise<number>, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  /** Counts `added_bytes` in. @throws ProblemError 429 blob_quota_exceeded where they are over `bytes_max` */
  async take(challenge: string, added_bytes: number, bytes_max: number): Promise<void> {
    let use = this.#uses.get(challenge);
    if (!use || this.#clock.monotonic() - use.read_ms > fresh_ms || use.bytes + added_bytes > bytes_max) {
      use = { bytes: await this.#read(challenge), read_ms: this.#clock.monotonic() };
      this.#uses.set(challenge, use);
    }
    if (use.bytes + added_bytes > bytes_max)
      throw new ProblemError(429, "blob_quota_exceeded", `This challenge may keep ${bytes_max} bytes of blobs.`);
    use.bytes += added_bytes;
  }
}
