import type { TObject } from "@sinclair/typebox";
import { limits } from "#shared/schemas/limits.ts";
import { pause } from "#shared/time/pause.ts";
import { type EvaluationParts, evaluate } from "./evaluation.ts";

const idle_ms_max = 5_000;

/**
 * Evaluates unfinished submissions, several at once. Its whole state is in the database: after a crash it goes on where it
 * stopped.
 */
export class Evaluator<S extends TObject> {
  readonly #parts: EvaluationParts<S>;
  readonly #at_once_max: number;
  readonly #stop = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  #turn = new AbortController();
  #forget_at_ms = 0;

  constructor(parts: EvaluationParts<S>, at_once_max: number) {
    this.#parts = parts;
    this.#at_once_max = at_once_max;
  }

  /** Looks for submissions to evaluate. Call it when one was stored. */
  readonly wake = (): void => {
    this.#turn.abort();
    if (this.#stop.signal.aborted) return;
    const { context, clock } = this.#parts;
    try {
      this.#startDue();
      this.#forgetOld();
    } catch (error) {
      context.log.error({ err: error }, "due submissions could not be read; it is tried again");
    }
    const next = this.#running.size < this.#at_once_max ? context.submissions.nextTurnMs() : null;
    const until_next = next === null ? idle_ms_max : next - clock.now();
    // Running submissions count as due too, so a time in the past means nothing.
    void this.#wakeAfter(until_next > 0 ? Math.min(until_next, idle_ms_max) : idle_ms_max);
  };

  async #wakeAfter(ms: number): Promise<void> {
    const turn = new AbortController();
    this.#turn = turn;
    await pause(this.#parts.clock, ms, turn.signal);
    if (!turn.signal.aborted) this.wake();
  }

  /** Stops. Every submission keeps its state. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("the challenge is stopping"));
    this.#turn.abort();
    await Promise.allSettled(this.#running.values());
  }

  #startDue(): void {
    const due = this.#parts.context.submissions.due(this.#at_once_max + this.#running.size);
    for (const submission of due) {
      if (this.#running.size >= this.#at_once_max) return;
      if (this.#running.has(submission.id)) continue;
      const done = evaluate(submission, this.#parts, this.#stop.signal)
        .catch((error: unknown) => this.#parts.context.log.error({ err: error }, "a submission could not be settled"))
        .finally(() => {
          this.#running.delete(submission.id);
          this.wake();
        });
      this.#running.set(submission.id, done);
    }
  }

  #forgetOld(): void {
    const { context, clock } = this.#parts;
    if (clock.now() < this.#forget_at_ms) return;
    this.#forget_at_ms = clock.now() + limits.challenge_sdk.retention_every_ms;
    const gone = context.submissions.forgetOld();
    if (gone > 0) context.log.info({ submissions: gone }, "old submissions were deleted");
  }
}
