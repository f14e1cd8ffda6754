import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";
import { StagerError } from "./outcome.ts";

export interface TransferContext {
  readonly url: string;
  readonly token: string;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  /** Aborted at the deadline. */
  readonly signal: AbortSignal;
}

/** A failure that another attempt may overcome. */
export class Interrupted extends Error {
  readonly retry_after_ms: number;

  constructor(message: string, retry_after_ms = 0) {
    super(message);
    this.name = "Interrupted";
    this.retry_after_ms = retry_after_ms;
  }
}

/** A connection that is silent for this long is given up, because a cut network gives no other sign. */
const silence_ms_max = 20_000;

/** One attempt of a transfer. It is aborted at the deadline, and after `silence_ms_max` without progress. Call `stop` at its end. */
export class Attempt {
  readonly #context: TransferContext;
  readonly #silence = new AbortController();
  readonly #signal: AbortSignal;
  readonly #over = new AbortController();
  #moved_ms: number;

  constructor(context: TransferContext) {
    this.#context = context;
    this.#signal = AbortSignal.any([context.signal, this.#silence.signal]);
    this.#moved_ms = context.clock.monotonic();
    void this.#watch();
  }

  /** Tells that bytes have moved. */
  touch(): void {
    this.#moved_ms = this.#context.clock.monotonic();
  }

  stop(): void {
    this.#over.abort();
  }

  async #watch(): Promise<void> {
    const { clock } = this.#context;
    const { signal } = this.#over;
    for (;;) {
      const left_ms = this.#moved_ms + silence_ms_max - clock.monotonic();
      if (left_ms <= 0) return this.#silence.abort(new Interrupted("the connection fell silent"));
      await pause(clock, left_ms, signal);
      if (signal.aborted) return;
    }
  }

  /**
   * Asks the broker.
   *
   * @throws StagerError when the broker refuses for good; Interrupted when another attempt may succeed
   */
  async request(init: RequestInit & { readonly headers: Readonly<Record<string, string>> }): Promise<Response> {
    const { url, token, fetch } = this.#context;
    const headers = { ...init.headers, authorization: `Bearer ${token}` };
    const response = await fetch(url, { ...init, headers, signal: this.#signal, redirect: "error" });
    this.touch();
    if (response.ok) return response;
    await response.body?.cancel();
    throw refusal(response.status, response.headers.get("retry-after"));
  }

  /** Waits before the next attempt. @throws the given error when no attempt can overcome it; StagerError "deadline" */
  static async pause(context: TransferContext, error: unknown, wait_ms: number): Promise<void> {
    if (!context.signal.aborted && !isConnectionError(error)) throw error;
    try {
      const asked_ms = error instanceof Interrupted ? error.retry_after_ms : 0;
      await context.clock.sleep(Math.max(wait_ms, asked_ms), context.signal);
    } catch (cause) {
      if (!context.signal.aborted) throw cause;
      throw new StagerError("deadline", `the deadline passed; before that: ${(error as Error).message}`, error);
    }
  }
}

function refusal(status: number, retry_after: string | null): Error {
  const answer = `the broker answered ${status}`;
  if ([401, 403, 404, 410].includes(status)) return new StagerError("token_refused", answer);
  if (status === 413) return new StagerError("output_too_large", answer);
  // A 400 is no word on what the job left: it would be our own protocol that is broken.
  if ([409, 422].includes(status)) return new StagerError("output_refused", answer);
  if (![408, 425, 429].includes(status) && status < 500) return new StagerError("internal", answer);
  const seconds = /^\d{1,4}$/.test(retry_after ?? "") ? Number(retry_after) : 0;
  return new Interrupted(answer, 1_000 * seconds);
}

/** Whether a connection failed. Bun's fetch then throws a TypeError with a code; our own file reads never do. */
function isConnectionError(error: unknown): boolean {
  if (error instanceof Interrupted) return true;
  const code = error instanceof TypeError ? (error as NodeJS.ErrnoException).code : undefined;
  return code !== undefined && code !== "UnexpectedRedirect";
}
