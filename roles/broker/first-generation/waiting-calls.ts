import { isConnectionError } from "#shared/database/migrate.ts";
import { ProblemError, problemResponse } from "#shared/http/problem.ts";
import { hasEnded } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import { acceptPrepared } from "../admission/accept-job.ts";
import { streamOf } from "../api/stream-of.ts";
import type { ApiWorld } from "../api/world.ts";
import type { Job } from "../job/job.ts";
import type { NewJob } from "../store/job-store.ts";
import { lateFailure, runAnswer, runFailure } from "./run-response.ts";

/** What a run call's answer goes by. */
interface RunCall {
  readonly requestId: string;
  /** Aborted when the client goes, or this process stops. */
  readonly signal: AbortSignal;
  readonly client: AbortSignal;
}

/** Run calls that wait for their jobs. Each client is sent spaces meanwhile, so that it does not give up. */
export class DockerRuns {
  readonly #world: ApiWorld;
  /** Jobs whose client is still connected. Their results belong to that client. */
  readonly #waiting = new Set<string>();

  constructor(world: ApiWorld) {
    this.#world = world;
  }

  /** The same call's run whose client has gone, ended or still under way: for one client only, also after a restart. */
  async takeOver({ job }: NewJob): Promise<Job | null> {
    const abandoned = await this.#world.store.undelivered(job);
    const free = abandoned.find(({ id }) => !this.#waiting.has(id));
    if (free) this.#waiting.add(free.id);
    return free ?? null;
  }

  async acceptNew(prepared: NewJob): Promise<Job> {
    this.#waiting.add(prepared.job.id);
    try {
      const { job } = await acceptPrepared(this.#world, { ...prepared, is_run_call: true });
      this.#world.wake();
      return job;
    } catch (error) {
      this.#waiting.delete(prepared.job.id);
      throw error;
    }
  }

  /** A quick job is answered with its own status. A slow one is answered with 200 at first, and spaces before the body. */
  async answerWhenEnded(job: Job, request: Request): Promise<Response> {
    const requestId = request.headers.get("x-request-id") ?? "";
    const call = { requestId, signal: AbortSignal.any([request.signal, this.#world.stopping]), client: request.signal };
    let early: Job;
    try {
      early = await this.#ended(job, limits.jobs.drip_ms, call.signal);
    } catch (error) {
      this.#waiting.delete(job.id);
      throw error;
    }
    if (request.signal.aborted) this.#waiting.delete(job.id);
    const failure = this.#failureOf(early);
    if (failure) {
      await this.#delivered(early, call.client);
      return problemResponse(failure, requestId);
    }
    const body = this.#body(early, call);
    const ended = () => void this.#waiting.delete(job.id);
    return new Response(streamOf(body, ended), { headers: { "content-type": "application/json" } });
  }

  async *#body(job: Job, { requestId, signal, client }: RunCall): AsyncGenerator<string> {
    let current = job;
    while (!hasEnded(current) && !signal.aborted) {
      yield " ";
      current = await this.#ended(current, limits.jobs.drip_ms, signal);
    }
    if (client.aborted) return;
    const failure = this.#failureOf(current);
    if (failure) yield lateFailure(failure, requestId);
    else yield* runAnswer(this.#world, current, client);
    await this.#delivered(current, client);
  }

  /** Why there is no answer as the first generation read it; null where there is, or will be. */
  #failureOf(job: Job): ProblemError | null {
    if (hasEnded(job)) return runFailure(job);
    return this.#world.stopping.aborted ? stoppingFailure() : null;
  }

  async #delivered(job: Job, signal: AbortSignal): Promise<void> {
    if (hasEnded(job) && !signal.aborted) await this.#world.store.markDelivered(job.id, this.#world.clock.now());
    this.#waiting.delete(job.id);
  }

  /** The job when it has ended, or as it is after `ms`. The database may be away for a while: the client need not know. */
  async #ended(job: Job, ms: number, signal: AbortSignal): Promise<Job> {
    const end = this.#world.clock.monotonic() + ms;
    let current = job;
    while (!hasEnded(current) && !signal.aborted) {
      const left = end - this.#world.clock.monotonic();
      if (left <= 0) break;
      const change = this.#world.changes.next(job.id, left, signal);
      current = (await this.#world.store.byId(job.challenge, job.id).catch(nullWhileAway)) ?? current;
      if (!hasEnded(current)) await change;
    }
    return current;
  }
}

/** The run goes on without this process: who asks again is given it. */
function stoppingFailure(): ProblemError {
  const detail = "The broker restarts, the run goes on: ask again with the same request.";
  return new ProblemError(503, "broker_restarting", detail, { headers: { "retry-after": "5" } });
}

function nullWhileAway(error: unknown): null {
  if (isConnectionError(error)) return null;
  throw error;
}
